"""What is known of each dataset: fields, codes, layouts of its known sources. Declarations only."""
