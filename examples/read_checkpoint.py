#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Recomputes one-evaluation MeanFlow samples of an MLP from a checkpoint's weights, with NumPy and h5py alone:
#   pushforward sample run --keep-noise -o s.h5 && examples/read_checkpoint.py run/checkpoints/step_00002000.h5 s.h5
import configparser, sys
import h5py, numpy as np

checkpoint, samples = h5py.File(sys.argv[1], "r"), h5py.File(sys.argv[2], "r")
config = configparser.ConfigParser()
config.read_string(checkpoint["config"][()].decode())
model, name = config["model"], samples.attrs["made_by"].split("weights ")[1].split(",")[0]  # "ema 0.999" or "none"
w = checkpoint["ema/" + name[4:]] if name.startswith("ema ") else checkpoint["model"]
linear = lambda x, stem: x @ w[stem + "/weight"][()] + w[stem + "/bias"][()]
silu = lambda x: x / (1 + np.exp(-x))
noise = samples["noise"][()].astype(np.float64)
b = noise.reshape(len(noise), -1)
angle = np.arange(1, model.getint("embed") // 2 + 1) * 8.0 / (model.getint("embed") // 2)
time = [1.0, *np.sin(angle), *np.cos(angle)]  # e(1): both times are 1, t = 1 and t - r = 1
label = w["label/weight"][()][samples["label"][()]] if "label" in w else np.zeros((len(b), 0))
c = np.concatenate([np.tile(time + time, (len(b), 1)), label], axis=1)
N, D, E = b.shape[1] + c.shape[1], b.shape[1], c.shape[1]
h = np.concatenate([np.sqrt(N / 2 / D) * b, np.sqrt(N / 2 / E) * c], axis=1)
for k in range(model.getint("depth")):
    h = silu(linear(h, f"hidden/{k}")) + (h if model.getboolean("residual") and k > 0 else 0)
out, q = linear(h, "head/0"), silu(linear(c, "gate/0")) if "gate" in w else None
if q is not None:  # the head is scaled, and the sample passed by, as the times say
    out = (1 + linear(q, "scale/0")) * out + linear(q, "skip/0") * b
a = out if config["method"]["prediction"] == "x" else b - out  # u-prediction: x_0 = b - u(b, 0, 1)
a = (a * checkpoint["data/deviation"][()] + checkpoint["data/mean"][()]).reshape(noise.shape)
print("largest difference from the stored samples:", np.abs(a - samples["x"][()]).max())
