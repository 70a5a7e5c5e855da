"""What files hold: headers of safetensors and GGUF files, on this machine or on the Hub, without their data."""
