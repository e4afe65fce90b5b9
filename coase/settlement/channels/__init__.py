"""Paying by the call or the unit: one deposit, any number of signed vouchers, one claim. Contract: PaymentChannels."""
