"""The character tables (CC BY-SA 2.1 JP, see LICENSE.data) and the script that rebuilds them."""
