"""The engineering of the robot: pure functions and figures, no input or output."""
