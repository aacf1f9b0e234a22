"""{{name}}: a Flower app."""
