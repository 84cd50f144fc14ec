# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of the benchmarks: what exact8 is compared with. Never part of set-up or of tests.

  python torch.py train FOLDER      trains the task in FOLDER (written by torch-python.ts) with one arm, prints one JSON line
  python torch.py gradients FOLDER  compares gradient.safetensors with autograd in binary32 and binary64, prints one JSON line
  python torch.py memory FOLDER     trains the task in FOLDER and prints the peak resident memory, one JSON line
  python torch.py speed FOLDER      for each line SECONDS on stdin trains that long and prints {"rates": steps/s of each window}

Arm binary32 is ordinary eager PyTorch. The other arms simulate exact8: every rounding of operands, probabilities, softmax,
norms and gradient codes is made, and sums are taken in binary32. An ablation changes one part of that.
"""
import json
import os
import sys
import time

# This file's own folder would shadow the package: it has the package's name.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

# Bits of each operand (0: binary32), scope of scales, kind of codes.
EXACT8 = dict(forward=8, backward=14, saved=8, scope="slice", probabilities=True, softmax=True, norm=True, codes="log")
ARMS = {
    "binary32": None,
    "simulated": {},
    "unrounded": dict(forward=0, backward=0, saved=0, probabilities=False, softmax=False, norm=False, codes=None),
    "forward-binary32": dict(forward=0),
    "backward-binary32": dict(backward=0, saved=0),
    "softmax-binary32": dict(softmax=False),
    "probabilities-binary32": dict(probabilities=False),
    "norm-binary32": dict(norm=False),
    "codes-binary32": dict(codes=None),
    "forward-7": dict(forward=7),
    "backward-8": dict(backward=8),
    "scopes-tensor": dict(scope="tensor"),
    "codes-linear": dict(codes="linear"),
    "codes-5": dict(codes="log5"),
}


def read_tensors(path):
    """A safetensors file of F32 tensors as a dictionary; each is read straight to where it stays."""
    tensors = {}
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        header = json.loads(f.read(size))
        header.pop("__metadata__", None)
        for name, entry in header.items():
            tensors[name] = torch.empty(entry["shape"], dtype=torch.float32)
            f.seek(8 + size + entry["data_offsets"][0])
            f.readinto(memoryview(tensors[name].numpy()).cast("B"))
    return tensors


def quantised(x, bits, dim, c):
    """Q_bits with one power-of-two scale per slice along dim (or for the whole tensor), as the values it stands for."""
    if not bits:
        return x
    most = 2.0 ** (bits - 1) - 1
    top = x.abs().amax() if c["scope"] == "tensor" else x.abs().amax(dim, keepdim=True)
    m, e = torch.frexp(top)
    e = (e - (bits - 1) + (m * 2.0 ** (bits - 1) > most)).clamp_min_(-50)
    one = torch.ones_like(top)
    return (x * torch.ldexp(one, -e)).round_().mul_(torch.ldexp(one, e))


def fixed(p, c):
    """Probabilities in units of 2^-7."""
    return (p * 128).round_().clamp_(max=127).mul_(1 / 128) if c["probabilities"] else p


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, c):
        ctx.save_for_backward(x, w)
        ctx.c = c
        return quantised(x, c["forward"], 1, c) @ quantised(w, c["forward"], 1, c).t()

    @staticmethod
    def backward(ctx, dy):
        (x, w), c = ctx.saved_tensors, ctx.c
        dx = quantised(dy, c["backward"], 1, c) @ quantised(w, c["saved"], 0, c) if ctx.needs_input_grad[0] else None
        return dx, quantised(dy, c["backward"], 0, c).t() @ quantised(x, c["saved"], 0, c), None


class Bias(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, b, c):
        ctx.c = c
        return x + b

    @staticmethod
    def backward(ctx, dy):
        return dy, quantised(dy, ctx.c["backward"], 0, ctx.c).sum(0), None


class Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, g, c):
        q = quantised(x, 8 if c["norm"] else 0, 1, c)
        inverse = (q.square().mean(1, keepdim=True) + 1e-5).rsqrt()
        ctx.save_for_backward(x, g, inverse)
        ctx.c = c
        return x * inverse * g

    @staticmethod
    def backward(ctx, dy):
        (x, g, inverse), c = ctx.saved_tensors, ctx.c
        small, large = (8, 14) if c["norm"] else (0, 0)
        t = g * dy
        mean = (quantised(x, small, 1, c) * quantised(t, large, 1, c)).mean(1, keepdim=True)
        dg = (quantised(x * inverse, small, 0, c) * quantised(dy, large, 0, c)).sum(0)
        return t * inverse - x * (inverse.pow(3) * mean), dg, None


TABLE = torch.round(torch.exp(-torch.arange(1024, dtype=torch.float64) / 64) * 65536).float()


def table_softmax(x, c):
    if not c["softmax"]:
        return x.softmax(-1)
    index = ((x.amax(-1, keepdim=True) - x) * 64).clamp_(max=1023).round_().int()
    e = torch.index_select(TABLE, 0, index.view(-1)).view_as(x)
    return e / e.sum(-1, keepdim=True)


class Attention(torch.autograd.Function):
    """Of queries, keys and values [batch, heads, positions, columns]."""
    @staticmethod
    def forward(ctx, q, k, v, c):
        n = c["forward"]
        s = quantised(q, n, -1, c) @ quantised(k, n, -1, c).transpose(-1, -2) * q.shape[-1] ** -0.5
        s.masked_fill_(torch.ones(s.shape[-2:], dtype=torch.bool).triu_(1), float("-inf"))
        p = table_softmax(s, c)
        ctx.save_for_backward(q, k, v, p)
        ctx.c = c
        return fixed(p, c) @ quantised(v, n, -2, c)

    @staticmethod
    def backward(ctx, dy):
        (q, k, v, p), c = ctx.saved_tensors, ctx.c
        n, m = c["backward"], c["saved"]
        f = fixed(p, c)
        dv = f.transpose(-1, -2) @ quantised(dy, n, -2, c)
        dp = (quantised(dy, n, -1, c) @ quantised(v, m, -1, c).transpose(-1, -2)).tril_()
        ds = p * (dp - (f * quantised(dp, n, -1, c)).sum(-1, keepdim=True)) * q.shape[-1] ** -0.5
        dq = quantised(ds, n, -1, c) @ quantised(k, m, -2, c)
        dk = quantised(ds, n, -2, c).transpose(-1, -2) @ quantised(q, m, -2, c)
        return dq, dk, dv, None


class Embed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tokens, e, p, c):
        ctx.save_for_backward(tokens)
        ctx.shapes, ctx.c = (e.shape, p.shape), c
        return (e[tokens] + p).flatten(0, 1)

    @staticmethod
    def backward(ctx, dy):
        (tokens,), (e, p) = ctx.saved_tensors, ctx.shapes
        q = quantised(dy, ctx.c["backward"], 0, ctx.c)
        de = torch.zeros(e).index_add_(0, tokens.flatten(), q)
        return None, de, q.view(-1, *p).sum(0), None


class CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, labels, c):
        p = table_softmax(x, c)
        ctx.save_for_backward(p, labels)
        return F.cross_entropy(x, labels)

    @staticmethod
    def backward(ctx, grad):
        p, labels = ctx.saved_tensors
        d = p.clone()
        d[torch.arange(len(labels)), labels] -= 1
        return d * (grad / len(labels)), None, None


class Ordinary:
    """The operations in PyTorch's own arithmetic."""
    linear, embed, loss = staticmethod(F.linear), staticmethod(lambda i, e, p: (F.embedding(i, e) + p).flatten(0, 1)), staticmethod(F.cross_entropy)
    bias = staticmethod(lambda x, w, b: F.linear(x, w, b))
    norm = staticmethod(lambda x, g: F.rms_norm(x, (x.shape[-1],), g, 1e-5))
    attention = staticmethod(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True))


class Simulated:
    def __init__(s, c):
        s.linear = lambda x, w: Linear.apply(x, w, c)
        s.bias = lambda x, w, b: Bias.apply(Linear.apply(x, w, c), b, c)
        s.norm = lambda x, g: Norm.apply(x, g, c)
        s.attention = lambda q, k, v: Attention.apply(q, k, v, c)
        s.embed = lambda i, e, p: Embed.apply(i, e, p, c)
        s.loss = lambda x, y: CrossEntropy.apply(x, y, c)


def logits(task, p, x, ops):
    """Rows of logits; x as `inputs` makes it."""
    m = task["model"]
    if m["kind"] == "gpt":
        b, t, h = x.shape[0], m["context"], m["heads"]
        split = lambda z: z.view(b, t, h, -1).transpose(1, 2)
        y = ops.embed(x, p["embedding.weight"], p["positions.weight"])
        for i in range(m["layers"]):
            w = lambda n: p[f"layers.{i}.{n}.weight"]
            q, k, v = ops.linear(ops.norm(y, w("norm1")), w("qkv")).chunk(3, -1)
            a = ops.attention(split(q), split(k), split(v)).transpose(1, 2).reshape(b * t, -1)
            y = y + ops.linear(a, w("proj"))
            y = y + ops.linear(F.relu(ops.linear(ops.norm(y, w("norm2")), w("up"))).square(), w("down"))
        return ops.linear(ops.norm(y, p["norm.weight"]), p["embedding.weight" if m["tied"] else "head.weight"])
    if m["kind"] == "cnn":
        b = len(x)
        for i, f in enumerate(m["convolutions"]):
            w, bias, pad = p[f"convolutions.{i}.weight"], p[f"convolutions.{i}.bias"], (f["kernel"] - 1) // 2
            if ops is Ordinary:
                x = F.relu(F.conv2d(x, w, bias, f["stride"], pad))
            else:
                size = (x.shape[2] + 2 * pad - f["kernel"]) // f["stride"] + 1
                rows = F.unfold(x, f["kernel"], padding=pad, stride=f["stride"]).transpose(1, 2).flatten(0, 1)
                x = F.relu(ops.bias(rows, w.flatten(1), bias)).view(b, size, -1, f["filters"]).permute(0, 3, 1, 2)
        x = x.permute(0, 2, 3, 1).reshape(b, -1)
    n = sum(name.startswith("layers.") for name in p) // 2
    for i in range(n):
        x = ops.bias(x, p[f"layers.{i}.weight"], p[f"layers.{i}.bias"])
        x = F.relu(x) if i < n - 1 else x
    return x


def inputs(task, raw):
    """Encoded samples [count, bytes] as what `logits` takes, and the labels of its rows."""
    m = task["model"]
    if m["kind"] == "gpt":
        t = raw.long() if m["vocab"] <= 256 else raw[:, ::2].long() * 256 + raw[:, 1::2].long()
        return t[:, :-1], t[:, 1:].flatten()
    x = raw[:, :-1].float() * 2.0 ** m["inputExponent"]
    if m["kind"] == "cnn":
        x = x.view(-1, m["height"], m["width"], m["channels"]).permute(0, 3, 1, 2)
    return x, raw[:, -1].long()


def decoded(g, kind):
    """A gradient as its codes of 4 bits (`log`), 5 bits (`log5`) or a linear scale give it back: blocks of 64, one power-of-two scale each."""
    if kind is None:
        return g
    f = F.pad(g.flatten(), (0, -g.numel() % 64)).view(-1, 64)
    if kind == "linear":
        d = quantised(f, 4, 1, dict(scope="slice"))
    else:
        steps = 2.0 if kind == "log5" else 1.0  # steps of a binade

        def nearest(u):
            """The nearest step, ties to the larger."""
            m, x = torch.frexp(u)
            return torch.ldexp((m * (2 * steps) + 0.5).floor_() / steps, x - 1)

        a = f.abs()
        # E: the exponent of the step nearest to the largest magnitude, less 6.
        e = (torch.frexp(nearest(a.amax(1, keepdim=True)))[1] - 7).clamp_(-57, 53)
        low = torch.ldexp(torch.ones_like(f[:, :1]), e)
        step = torch.minimum(torch.maximum(nearest(a), low), low * (128 - 64 / steps))
        d = torch.where(a < low / 2, torch.zeros(()), step) * f.sign()
    return d.flatten()[:g.numel()].view_as(g)


class Run:
    """One model in training."""

    def __init__(s, folder, arm=None):
        s.folder, s.task = folder, json.load(open(os.path.join(folder, "task.json")))
        torch.set_num_threads(s.task["threads"])
        change = ARMS[arm or s.task["arm"]]
        s.c = None if change is None else {**EXACT8, **change}
        s.ops = Ordinary if s.c is None else Simulated(s.c)
        s.p = {n: t.requires_grad_() for n, t in read_tensors(os.path.join(folder, "model.safetensors")).items()}
        o, s.list = s.task["optimizer"], list(s.p.values())
        if o["kind"] == "sgd":
            s.optimizer = torch.optim.SGD(s.list, lr=1.0, momentum=o["momentum"])
        else:
            s.optimizer = torch.optim.AdamW(s.list, lr=1.0, betas=(o["beta1"], o["beta2"]), eps=o["epsilon"], weight_decay=o["weightDecay"], fused=True)

    def samples(s, name):
        raw = torch.frombuffer(bytearray(open(os.path.join(s.folder, name + ".bin"), "rb").read()), dtype=torch.uint8)
        return raw.view(-1, s.task["sampleBytes"])

    def gradient(s, x, y):
        s.optimizer.zero_grad(set_to_none=True)
        loss = s.ops.loss(logits(s.task, s.p, x, s.ops), y)
        loss.backward()
        return loss.detach()

    def step(s, x, y, rate):
        loss = s.gradient(x, y)
        if s.c is not None:
            for w in s.list:
                w.grad = decoded(w.grad, s.c["codes"])
        for group in s.optimizer.param_groups:
            group["lr"] = rate
        s.optimizer.step()
        return loss

    def judge(s, name):
        """Mean loss, and the share of right answers (of a text: at the last position of each sample)."""
        raw, loss, right = s.samples(name), 0.0, 0
        with torch.no_grad():
            for part in raw.split(256):
                x, y = inputs(s.task, part)
                z = logits(s.task, s.p, x, s.ops)
                loss += F.cross_entropy(z, y, reduction="sum").item() * len(part) / len(y)
                last = len(y) // len(part)
                right += (z.argmax(1) == y)[last - 1::last].sum().item()
        return dict(loss=loss / len(raw), accuracy=right / len(raw))


def train(folder):
    run, start = Run(folder), time.time()
    raw, losses = run.samples("batches"), []
    for i, batch in enumerate(raw.split(run.task["batch"])):
        losses.append(run.step(*inputs(run.task, batch), run.task["rates"][i]))
    last = losses[-100:]
    seconds = time.time() - start
    print(json.dumps(dict(training_loss=sum(x.item() for x in last) / len(last), judged={n: run.judge(n) for n in run.task["judged"]}, seconds=seconds)))


def gradients(folder):
    """
    Relative distances |a - b| / |b| over all parameters, the largest of any tensor, and how many elements differ at all.
    `simulated` against exact8 shows that both compute the same formulas, `unrounded` against binary64 that these are the
    gradient; `control` is a simulation with one part changed, which the comparison has to see.
    """
    def grads(arm):
        run = Run(folder, arm)
        run.gradient(*inputs(run.task, run.samples("batches")))
        return {n: t.grad.double() for n, t in run.p.items()}

    run = Run(folder, "binary32")
    x, y = inputs(run.task, run.samples("batches"))
    run.p = {n: t.detach().double().requires_grad_() for n, t in run.p.items()}
    F.cross_entropy(logits(run.task, run.p, x if x.dtype == torch.int64 else x.double(), Ordinary), y).backward()
    truth = {n: t.grad for n, t in run.p.items()}
    ours = {n: t.double() for n, t in read_tensors(os.path.join(folder, "gradient.safetensors")).items()}

    def distance(a, b):
        whole = lambda g: torch.cat([g[n].flatten() for n in truth])
        each = {n: ((a[n] - b[n]).norm() / b[n].norm()).item() for n in truth}
        worst = max(each, key=each.get)
        u, v = whole(a), whole(b)
        return dict(relative=((u - v).norm() / v.norm()).item(), cosine=(u @ v / u.norm() / v.norm()).item(), worst=each[worst],
                    worst_tensor=worst, differing=int((u != v).sum()), of=len(u))

    print(json.dumps(dict(exact8=distance(ours, truth), binary32=distance(grads("binary32"), truth), unrounded=distance(grads("unrounded"), truth),
                          simulated=distance(grads("simulated"), ours), control=distance(grads("backward-8"), ours))))


def peak():
    """Peak resident KiB of this process so far. Linux."""
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))


def memory(folder):
    baseline = peak()
    run = Run(folder)
    raw, losses, start = run.samples("batches"), [], time.time()
    for i, batch in enumerate(raw.split(run.task["batch"])):
        losses.append(run.step(*inputs(run.task, batch), run.task["rates"][i]).item())
    print(json.dumps(dict(baseline=baseline, peak=peak(), losses=losses, seconds=(time.time() - start) / len(losses))))


def speed(folder):
    run, at = Run(folder), 0
    x, y = inputs(run.task, run.samples("batches"))
    rows, batch = len(y) // len(x), run.task["batch"]
    pool = torch.randint(len(x), (997, batch), generator=torch.Generator().manual_seed(1))
    y = y.view(-1, rows)
    for line in sys.stdin:
        rates, end = [], time.perf_counter() + float(line)
        while time.perf_counter() < end:
            start, steps = time.perf_counter(), 0
            while time.perf_counter() - start < 0.2:
                i = pool[at % 997]
                run.step(x[i], y[i].flatten(), 1e-3)
                at, steps = at + 1, steps + 1
            rates.append(steps / (time.perf_counter() - start))
        print(json.dumps(dict(rates=rates, torch=torch.__version__)), flush=True)


if __name__ == "__main__":
    dict(train=train, gradients=gradients, memory=memory, speed=speed)[sys.argv[1]](sys.argv[2])
