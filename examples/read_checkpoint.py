#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Recomputes one-evaluation MeanFlow samples of an MLP from a checkpoint's weights, with NumPy and h5py alone:
#   pushforward sample run --keep-noise -o samples.h5 && examples/read_checkpoint.py run/checkpoints/step_00002000.h5 samples.h5
import configparser, sys
import h5py
import numpy as np

checkpoint, samples = h5py.File(sys.argv[1], "r"), h5py.File(sys.argv[2], "r")
config = configparser.ConfigParser()
config.read_string(checkpoint["config"][()].decode())
name = samples.attrs["made_by"].split("weights ")[1].split(",")[0]  # "ema 0.999" or "none"
w = checkpoint["ema/" + name[4:]] if name.startswith("ema ") else checkpoint["model"]

noise = samples["noise"][()].astype(np.float64)
b = noise.reshape(len(noise), -1)
K, depth, residual = config.getint("model", "embed") // 2, config.getint("model", "depth"), config.getboolean("model", "residual")
angle = np.arange(1, K + 1) * 8.0 / K                                  # times t = 1 and t - r = 1: 8 rad per unit time at most
one = np.concatenate([[1.0], np.sin(angle), np.cos(angle)])
c = np.tile(np.concatenate([one, one]), (len(b), 1))
N, D, E = b.shape[1] + c.shape[1], b.shape[1], c.shape[1]
h = np.concatenate([np.sqrt(N / (2 * D)) * b, np.sqrt(N / (2 * E)) * c], axis=1)
for k in range(depth):
    y = h @ w[f"hidden/{k}/weight"][()] + w[f"hidden/{k}/bias"][()]
    y = y / (1 + np.exp(-y))                                           # SiLU
    h = h + y if residual and k > 0 else y
out = h @ w["head/0/weight"][()] + w["head/0/bias"][()]
a = out if config["method"]["prediction"] == "x" else b - out          # u-prediction: x_0 = b - u(b, 0, 1)
a = (a * checkpoint["data/deviation"][()] + checkpoint["data/mean"][()]).reshape(noise.shape)
print("largest difference from the stored samples:", np.abs(a - samples["x"][()]).max())
