"""What is traded and on which terms: issues, domains and outcomes; signed listings; agreements (EIP-712)."""
