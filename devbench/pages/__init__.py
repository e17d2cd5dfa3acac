"""The leaderboard as one HTML file that needs no network, and a server for it on this machine."""
