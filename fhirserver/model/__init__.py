"""What the server passes around: JSON, instants, references, stored resources, outcomes."""
