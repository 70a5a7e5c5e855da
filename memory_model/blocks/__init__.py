"""What a layer is made of: each block says what it stores and what it remembers."""
