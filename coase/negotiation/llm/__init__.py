"""A language model at the table: any LangChain chat model, with everything that costs money kept outside it."""
