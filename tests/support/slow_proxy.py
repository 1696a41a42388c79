"""Run an nginx between a cache and its upstream: it limits the rate of every connection, and can be killed."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.support.programs import answers, free_port, program, start_program, stop


class SlowProxy:
    """An nginx with a single process, so one kill ends it. ``rate``: bytes per second and connection."""

    def __init__(self, folder: Path, target: str, rate: int) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._program = program("nginx")
        self._folder = folder / "nginx"
        self._folder.mkdir()
        temporary = "".join(f"{each}_temp_path {self._folder / each};\n" for each in _TEMPORARY)
        (self._folder / "nginx.conf").write_text(
            f"daemon off; master_process off; pid {self._folder}/pid; error_log {self._folder}/errors;\n"
            f"events {{}}\nhttp {{ access_log off; {temporary}"
            f"server {{ listen 127.0.0.1:{port}; location / {{\n"
            f"proxy_pass {target}; proxy_http_version 1.1; proxy_set_header Host $http_host;\n"
            f"proxy_max_temp_file_size 0; limit_rate {rate}; }} }} }}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the nginx, or start it again at the same address."""
        command = [self._program, "-c", str(self._folder / "nginx.conf"), "-e", str(self._folder / "errors")]
        self._process = start_program(command, self._folder / "log", ready=lambda: answers(self.url))

    def kill(self) -> None:
        """Kill the nginx with SIGKILL, as a power failure would, even while it sends an answer."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Stop the nginx if it runs."""
        if self._process and self._process.poll() is None:
            stop(self._process)


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
