"""What keeps the book: executing notebooks, building pages, the address, the lints. The library needs none of it."""
