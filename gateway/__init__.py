"""The gateway: Python decides, Rust forwards. ARCHITECTURE.md is the way in."""
