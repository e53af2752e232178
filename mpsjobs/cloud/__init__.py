"""The one way to the cloud: signed requests, what their outcomes mean, and where the audio is kept."""
