"""One run or one method as a page: what it scored, on what it fails, how it sounds."""
