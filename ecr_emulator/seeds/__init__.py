"""Seeds: images, repositories and settings that fill an emulator, sent as any client of it would send them."""
