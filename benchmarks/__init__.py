"""What things cost, as ratios within one run: machines are noisy, and a figure alone says little."""
