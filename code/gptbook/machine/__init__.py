"""What computes: devices, teams of processes, and what they cost."""
