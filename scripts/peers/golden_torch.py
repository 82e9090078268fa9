#!/usr/bin/env python3
"""Writes Tests/Golden/torch and Tests/Golden/safetensors: small files as PyTorch and safetensors save them.

The values are simple, so that the tests state them again: count(n) is 0, 1, ... n - 1.
Made with torch 2.15.0 and safetensors 0.8.0.
"""
import argparse
import collections
import json
import pathlib

import safetensors.torch
import torch

golden = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "Golden"
count = torch.arange


def save_torch(folder):
    shared = count(4.0)
    state = collections.OrderedDict(
        f32=count(6.0).reshape(2, 3) / 4,
        f64=count(3).double() / 3,
        f16=torch.tensor([0, 1, -1.5, 65504, 6e-8, float("inf"), -float("inf")]).half(),
        bf16=torch.tensor([0, 1, -1.5, 3e38]).bfloat16(),
        i64=torch.tensor([-(2**62), 2**62]),
        i32=torch.tensor([-(2**31), 2**31 - 1]).int(),
        i16=torch.tensor([-32768, 32767]).short(),
        i8=torch.tensor([-128, 127]).char(),
        u8=torch.tensor([0, 255]).byte(),
        bool=torch.tensor([True, False]),
        u16=torch.tensor([0, 65535], dtype=torch.uint16),
        u32=torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        parameter=torch.nn.Parameter(count(2.0)),
        scalar=torch.tensor(7.5),
        empty=torch.ones(0, 3),
        transposed=count(6.0).reshape(2, 3).t(),
        half_transposed=count(6.0).half().reshape(2, 3).t(),
        slice=count(10.0)[3:9:2],
        channels_last=count(16.0).reshape(1, 4, 2, 2).contiguous(memory_format=torch.channels_last),
        tied_a=shared,
        tied_b=shared,
    )
    state._metadata = {"": {"version": 1}}
    torch.save(state, folder / "state.pt")
    torch.save(state, folder / "state_protocol4.pt", pickle_protocol=4)
    torch.save(state, folder / "old_format.pt", _use_new_zipfile_serialization=False)

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(count(float(value.numel())).reshape(value.shape))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 3)).square().sum().backward()
    optimizer.step()
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(count(float(value.numel())).reshape(value.shape))
    wrapped = {f"module.{name}": value for name, value in model.state_dict().items()}
    checkpoint = {
        "model": wrapped,
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "loss": 0.25,
        "big": 1 << 70,
        "args": argparse.Namespace(lr=0.1, name="run"),
        "list": [count(2.0), {"x": count(3.0)}],
    }
    torch.save(checkpoint, folder / "checkpoint.pt")
    torch.save(model, folder / "whole_model.pt")
    torch.save({"x": torch.ones(1).expand(1 << 20)}, folder / "expanded.pt")
    torch.save({"x": torch.eye(2).to_sparse()}, folder / "sparse.pt")


def save_safetensors(folder):
    tensors = {
        "f16": torch.tensor([0, 1, -1.5, 65504, 6e-8]).half(),
        "bf16": torch.tensor([0, 1, -1.5]).bfloat16(),
        "i16": torch.tensor([-32768, 32767]).short(),
        "u16": torch.tensor([0, 65535], dtype=torch.uint16),
        "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
        "f32": count(6.0).reshape(2, 3),
    }
    safetensors.torch.save_file(tensors, folder / "types.safetensors", {"format": "pt"})
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    parts = [{"a": count(2.0), "b": count(3.0)}, {"c": count(4)}]
    for name, part in zip(names, parts):
        safetensors.torch.save_file(part, folder / name, {"format": "pt"})
    index = {
        "metadata": {"total_size": 52},
        "weight_map": {key: name for name, part in zip(names, parts) for key in part},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


for name, save in [("torch", save_torch), ("safetensors", save_safetensors)]:
    (golden / name).mkdir(parents=True, exist_ok=True)
    save(golden / name)
