"""The simulator: order books, auctions, populations, and the studies made with them."""
