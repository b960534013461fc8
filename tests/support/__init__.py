"""What tests share: real servers to test against."""
