"""The hosted API: messages, what an answer to a submit means, and the calls themselves."""
