"""The Triton kernels of the fused step; ``ops`` says what each computes, ``launch`` starts them."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def mixed(x):
    """A 32-bit hash's finaliser (Wellons' lowbias32)."""
    x ^= x >> 16
    x *= 0x7FEB352D
    x ^= x >> 15
    x *= 0x846CA68B
    x ^= x >> 16
    return x


@triton.jit
def kept(seed, rows, columns, threshold):
    """Which elements dropout keeps: ``[rows, columns]``.

    Every column has a hash function of the row's hash: a product with an odd number of its own
    (multiply-shift), so that an element costs one product.
    """
    row = mixed(rows.to(tl.uint32) * 0x9E3779B1 + seed.to(tl.uint32))
    column = columns.to(tl.uint32)
    by = mixed(column * 2 + 1) | 1
    return (row[:, None] ^ mixed(column * 2)[None, :]) * by[None, :] >= threshold.to(tl.uint32)


@triton.jit
def placed(x, x_stride, out, out_stride, size, BLOCK: tl.constexpr):
    """Copies rows to where they lie apart."""
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = columns < size
    value = tl.load(x + row * x_stride + columns, mask=there, other=0)
    tl.store(out + row * out_stride + columns, value, mask=there)


@triton.jit
def norm(x, weight, out, out_stride, size, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    there = columns < size
    value = tl.load(x + row * size + columns, mask=there, other=0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(value * value, 0) / size + eps)
    by = tl.load(weight + columns, mask=there, other=0).to(tl.float32)
    tl.store(out + row * out_stride + columns, value * scale * by, mask=there)


@triton.jit
def norm_backward(
    grad, grad_stride, x, weight, added, out, size, eps, ADD: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    there = columns < size
    value = tl.load(x + row * size + columns, mask=there, other=0).to(tl.float32)
    given = tl.load(grad + row * grad_stride + columns, mask=there, other=0).to(tl.float32)
    given *= tl.load(weight + columns, mask=there, other=0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(value * value, 0) / size + eps)
    shared = tl.sum(given * value, 0) / size * scale * scale
    back = scale * (given - value * shared)
    if ADD:
        back += tl.load(added + row * size + columns, mask=there, other=0).to(tl.float32)
    tl.store(out + row * size + columns, back, mask=there)


@triton.jit
def rotate(
    x, stride, cos, sin, angle_stride, heads, sign, HALF: tl.constexpr, SIZE: tl.constexpr,
    HEADS: tl.constexpr,
):  # fmt: skip
    token = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)
    place = tl.arange(0, SIZE)
    angle = token * angle_stride + place
    near = tl.load(cos + angle, mask=place < HALF, other=0).to(tl.float32)[None, :]
    far = tl.load(sin + angle, mask=place < HALF, other=0).to(tl.float32)[None, :] * sign
    first = x + token * stride + head[:, None] * (2 * HALF) + place[None, :]
    there = (head < heads)[:, None] & (place < HALF)[None, :]
    low = tl.load(first, mask=there, other=0).to(tl.float32)
    high = tl.load(first + HALF, mask=there, other=0).to(tl.float32)
    tl.store(first, low * near - high * far, mask=there)
    tl.store(first + HALF, high * near + low * far, mask=there)


@triton.jit
def gated(x, out, out_stride, size, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = columns < size
    gate = tl.load(x + row * 2 * size + columns, mask=there, other=0).to(tl.float32)
    up = tl.load(x + row * 2 * size + size + columns, mask=there, other=0).to(tl.float32)
    tl.store(out + row * out_stride + columns, gate * tl.sigmoid(gate) * up, mask=there)


@triton.jit
def gated_backward(grad, grad_stride, x, size, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = columns < size
    place = x + row * 2 * size + columns
    gate = tl.load(place, mask=there, other=0).to(tl.float32)
    up = tl.load(place + size, mask=there, other=0).to(tl.float32)
    given = tl.load(grad + row * grad_stride + columns, mask=there, other=0).to(tl.float32)
    share = tl.sigmoid(gate)
    tl.store(place, given * up * share * (1 + gate * (1 - share)), mask=there)
    tl.store(place + size, given * gate * share, mask=there)


@triton.jit
def nf4(
    packed, table, scales, scale_code, scale_scales, offset, out, out_stride, size,
    NESTED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Two numbers a byte, the first in the high half; 64 share a scale, 256 scales another."""
    row = tl.program_id(0).to(tl.int64)
    half = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    there = half < size // 2
    byte = tl.load(packed + row * (size // 2) + half, mask=there, other=0).to(tl.int32)
    block = (row * size + 2 * half) // 64
    if NESTED:
        code = tl.load(scales + block, mask=there, other=0).to(tl.int32)
        outer = tl.load(scale_scales + block // 256, mask=there, other=0)
        scale = tl.load(scale_code + code) * outer + tl.load(offset)
    else:
        scale = tl.load(scales + block, mask=there, other=0)
    first = tl.load(table + (byte >> 4)) * scale
    second = tl.load(table + (byte & 15)) * scale
    pair = tl.interleave(first, second)
    columns = tl.program_id(1) * BLOCK * 2 + tl.arange(0, 2 * BLOCK)
    tl.store(out + row * out_stride + columns, pair, mask=columns < size)


@triton.jit(do_not_specialize=["seed", "threshold"])
def down(
    x, x_stride, a, out, out_stride, part_stride, rows, size, rank, share, seed, threshold, scale,
    at, AT: tl.constexpr,
    PRECISION: tl.constexpr, ROWS: tl.constexpr, INNER: tl.constexpr, RANK: tl.constexpr,
):  # fmt: skip
    """A part of the columns' sum, ``share`` of them; ``part_stride`` lies between parts."""
    if AT:  # a graph is replayed with other seeds
        seed += tl.load(at)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    each = tl.program_id(1) * RANK + tl.arange(0, RANK)
    part = tl.program_id(2)
    total = tl.zeros((ROWS, RANK), tl.float32)
    for start in range(0, share, INNER):
        column = part * share + start + tl.arange(0, INNER)
        there = (row < rows)[:, None] & (column < size)[None, :]
        value = tl.load(
            x + row.to(tl.int64)[:, None] * x_stride + column[None, :], mask=there, other=0
        )
        value = tl.where(kept(seed, row, column, threshold), value, 0.0).to(value.dtype)
        weight = tl.load(
            a + each[None, :] * size + column[:, None],
            mask=(each < rank)[None, :] & (column < size)[:, None],
            other=0,
        )
        total = tl.dot(value, weight, total, input_precision=PRECISION)
    place = out + part.to(tl.int64) * part_stride + row.to(tl.int64)[:, None] * out_stride
    tl.store(
        place + each[None, :], total * scale, mask=(row < rows)[:, None] & (each < rank)[None, :]
    )


@triton.jit(do_not_specialize=["seed", "threshold"])
def grad(
    grad, grad_stride, x, x_stride, out, rows, size, rank, share, seed, threshold, scale,
    at, AT: tl.constexpr,
    PRECISION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, RANK: tl.constexpr,
):  # fmt: skip
    """A part of the rows' sum; ``out`` is ``[parts, rank, size]``."""
    if AT:  # a graph is replayed with other seeds
        seed += tl.load(at)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    part = tl.program_id(1)
    each = tl.program_id(2) * RANK + tl.arange(0, RANK)
    total = tl.zeros((RANK, COLUMNS), tl.float32)
    for start in range(0, share, ROWS):
        row = part * share + start + tl.arange(0, ROWS)
        there = (row < rows)[:, None] & (column < size)[None, :]
        value = tl.load(
            x + row.to(tl.int64)[:, None] * x_stride + column[None, :], mask=there, other=0
        )
        value = tl.where(kept(seed, row, column, threshold), value, 0.0).to(value.dtype)
        given = tl.load(
            grad + row.to(tl.int64)[None, :] * grad_stride + each[:, None],
            mask=(row < rows)[None, :] & (each < rank)[:, None],
            other=0,
        )
        total = tl.dot(given, value, total, input_precision=PRECISION)
    tl.store(
        out + part.to(tl.int64) * rank * size + each[:, None] * size + column[None, :],
        total * scale,
        mask=(each < rank)[:, None] & (column < size)[None, :],
    )


@triton.jit(do_not_specialize=["seed", "threshold"])
def up(
    x, x_stride, grad, grad_stride, a, out, out_stride, rows, size, rank, seed, threshold, scale,
    at, AT: tl.constexpr,
    PRECISION: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, INNER: tl.constexpr,
):  # fmt: skip
    if AT:  # a graph is replayed with other seeds
        seed += tl.load(at)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros((ROWS, COLUMNS), tl.float32)
    for start in range(0, rank, INNER):
        each = start + tl.arange(0, INNER)
        given = tl.load(
            grad + row.to(tl.int64)[:, None] * grad_stride + each[None, :],
            mask=(row < rows)[:, None] & (each < rank)[None, :],
            other=0,
        )
        weight = tl.load(
            a + each[:, None] * size + column[None, :],
            mask=(each < rank)[:, None] & (column < size)[None, :],
            other=0,
        )
        total = tl.dot(given, weight, total, input_precision=PRECISION)
    total = tl.where(kept(seed, row, column, threshold), total * scale, 0.0)
    place = x + row.to(tl.int64)[:, None] * x_stride + column[None, :]
    there = (row < rows)[:, None] & (column < size)[None, :]
    total += tl.load(place, mask=there, other=0).to(tl.float32)
    tl.store(out + row.to(tl.int64)[:, None] * out_stride + column[None, :], total, mask=there)


@triton.jit
def cross_entropy(logits, labels, losses, size, BLOCK: tl.constexpr):
    """A row's loss; the logits become its gradient."""
    row = tl.program_id(0).to(tl.int64)
    label = tl.load(labels + row)
    most = float("-inf")
    total = 0.0
    for start in range(0, size, BLOCK):
        column = start + tl.arange(0, BLOCK)
        value = tl.load(logits + row * size + column, mask=column < size, other=float("-inf"))
        value = value.to(tl.float32)
        larger = tl.maximum(most, tl.max(value, 0))
        total = total * tl.exp(most - larger) + tl.sum(tl.exp(value - larger), 0)
        most = larger
    chosen = tl.load(logits + row * size + label).to(tl.float32)
    tl.store(losses + row, most + tl.log(total) - chosen)
    for start in range(0, size, BLOCK):
        column = start + tl.arange(0, BLOCK)
        place = logits + row * size + column
        value = tl.load(place, mask=column < size, other=float("-inf")).to(tl.float32)
        share = tl.exp(value - most) / total - tl.where(column == label, 1.0, 0.0)
        tl.store(place, share, mask=column < size)
