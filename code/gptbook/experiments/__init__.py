"""What was measured for the book, and the records of it."""
