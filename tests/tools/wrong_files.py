# SPDX-License-Identifier: MIT
"""The files for wrong.sh that only other writers make: HDF5 by h5py, arrays by NumPy. Into py/."""
import os
import zipfile

import h5py
import numpy as np

os.makedirs("py", exist_ok=True)
rng = np.random.default_rng(1)
x = rng.standard_normal((64, 2)).astype("float32")
y = (np.arange(64) % 2).astype("int32")


def h5(name, attributes=(), **sets):
    """train_x=array becomes /train/x."""
    with h5py.File("py/%s.h5" % name, "w") as f:
        for path, data in sets.items():
            f[path.replace("_", "/", 1)] = data
        for path, key, value in attributes:
            f[path].attrs[key] = value


def damaged(a, at, value):
    a = a.copy()
    a.flat[at] = value
    return a


# these work
h5("big_endian", train_x=x.astype(">f4"), train_y=y.astype(">i2"))
h5("double", train_x=x.astype("float64"))
with h5py.File("py/compact.h5", "w") as f:
    dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    dcpl.set_layout(h5py.h5d.COMPACT)
    f.create_group("train")
    d = h5py.h5d.create(f.id, b"/train/x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((64, 2)), dcpl)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, x)
with h5py.File("py/latest.h5", "w", libver="latest") as f:
    f.create_dataset("train/x", data=x, chunks=(16, 2), compression="gzip")

# these do not
h5("no_train", data=x)
h5("rank1", train_x=x[:, 0])
h5("rank5", train_x=x.reshape(4, 2, 2, 4, 2))
h5("int16", train_x=(x * 100).astype("int16"))
h5("complex", train_x=x.astype("complex64"))
h5("texts", train_x=np.array([[b"a", b"b"]] * 8))
h5("empty_set", train_x=np.zeros((0, 2), "float32"))
h5("one_sample", train_x=x[:1])
h5("nan", train_x=damaged(x, 7, np.nan))
h5("infinite", train_x=damaged(x, 7, np.inf))
h5("constant", train_x=np.ones((64, 2), "float32"))
h5("few_labels", train_x=x, train_y=y[:60])
h5("float_labels", train_x=x, train_y=y.astype("float32"))
h5("negative_label", train_x=x, train_y=damaged(y, 5, -1))
h5("huge_label", train_x=x, train_y=damaged(y, 5, 2**31 - 1))
h5("other_test", train_x=x, test_x=x[:, :1])
h5("channels_first", train_x=np.zeros((8, 3, 8, 8), "uint8"), attributes=[("train/x", "layout", "NCHW")])
h5("newer_set", train_x=x, attributes=[("/", "format", "pushforward-dataset"), ("/", "format_version", 99)])
h5("bad_scale", train_x=x, attributes=[("train/x", "scale_factor", np.nan)])
h5("label_beyond_names", train_x=x, train_y=damaged(y, 5, 7), class_names=0)
with h5py.File("py/label_beyond_names.h5", "r+") as f:
    del f["class"]
    f["class_names"] = np.array([b"a", b"b"])
with h5py.File("py/external_link.h5", "w") as f:
    f["train/x"] = h5py.ExternalLink("nowhere.h5", "/train/x")
with h5py.File("py/group_as_x.h5", "w") as f:
    f.create_group("train/x")

np.save("py/objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
np.save("py/fortran.npy", np.asfortranarray(x))
np.save("py/complex.npy", x.astype("complex64"))
np.save("py/rank5.npy", np.zeros((2, 2, 2, 2, 2), "float32"))
np.save("py/scalar.npy", np.float32(3))
np.save("py/noise3.npy", np.zeros((4, 3), "float32"))
np.save("py/good.npy", x)
np.savez("py/labels_differ.npz", x=x, y=y[:10])
np.savez("py/no_x.npz", a=x, b=x)
with open("py/good.npy", "rb") as f:
    good = f.read()
for name, data in (("cut", good[:200]), ("cut_head", good[:30]), ("huge", good.replace(b"(64, 2)", b"(9999999999999, 2)"))):
    with open("py/%s.npy" % name, "wb") as f:
        f.write(data)
with zipfile.ZipFile("py/whole.npz", "w") as z:
    z.writestr("x.npy", good)
with open("py/whole.npz", "rb") as f, open("py/cut.npz", "wb") as g:
    g.write(f.read()[:300])


def checkpoint(name, change):
    source = "run/checkpoints/step_00000006.h5"
    if not os.path.exists(source):
        return
    with open(source, "rb") as f, open("py/%s.h5" % name, "wb") as g:
        g.write(f.read())
    with h5py.File("py/%s.h5" % name, "r+") as f:
        change(f)


def flip(f):
    a = f["model/" + first(f["model"])]
    a[...] = a[...] + 1


def first(group):
    names = []
    group.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
    return names[0]


def newer(f):
    f.attrs["format_version"] = 99


def without_config(f):
    del f["config"]


checkpoint("newer_checkpoint", newer)
checkpoint("changed_checkpoint", flip)
checkpoint("no_config", without_config)
