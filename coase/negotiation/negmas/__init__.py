"""NegMAS beside us: its negotiators at our tables, our skills at its tables (extra `negmas`)."""
