"""What the machine gives: files written whole, memory, threads, the configuration of this installation."""
