"""Operations on tags by two nodes have happened one after the other, as their clients saw it."""

from scripts.torture import tags


def test_a_thousand_operations_of_eight_threads_on_two_nodes(capsys):
    assert tags.main(["1000", "8", "7", "2"]) == 0
    assert "every history is linearizable" in capsys.readouterr().out
