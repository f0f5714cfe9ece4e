"""What the tests share: databases, a browser, a running server."""
