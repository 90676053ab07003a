"""What a run proves about its inputs and about itself before anything is claimed."""
