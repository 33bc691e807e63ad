"""Using Gymnasium's environments in Zerone, and Zerone's in Gymnasium."""
