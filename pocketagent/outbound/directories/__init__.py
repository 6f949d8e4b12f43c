"""What lies where on the server's machine: directories that may be projects, and the files in them."""
