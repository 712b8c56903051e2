"""What a method is: its parameters, how it runs, and the record of how a result was made."""
