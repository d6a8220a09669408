"""A worker that is killed: nobody else notices, and a successor takes its place; one that dies at once is not started without end."""
