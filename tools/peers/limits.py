# SPDX-License-Identifier: MIT
"""What this device can do at most, as our own kernels see it."""
import peer

peer.options(__doc__)
found = peer.best_limits(peer.limits(), peer.limits())
print(f"multiply-adds in registers {found['gflops']:.1f} Gflop/s, triad {found['triad_gbs']:.1f} Gbyte/s, "
      f"a small launch {found['launch_us']:.2f} us")
peer.finish("limits", found)
