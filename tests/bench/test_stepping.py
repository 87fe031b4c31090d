"""Steps through the stepper are the translator's own; on a GPU the recorded step is the plain one, bit for bit."""

import logging

import pytest
import torch

import models
from bench import compiling
from bench.devices import make_deterministic
from bench.stepping import PLAIN_STEPS, Stepper

R = 64
NARROW = {
    "pix2pix": {"ngf": 8, "ndf": 8},
    "unet-l1": {"ngf": 8},
    "pix2pixhd": {"ngf": 4, "ndf": 8, "n_blocks": 2, "vgg_loss": "off"},
    "cyclegan": {"ngf": 8, "ndf": 8, "n_blocks": 2, "pool_size": 3},
}
STEPS = PLAIN_STEPS + 9
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def built(name, device):
    torch.manual_seed(0)
    return models.build(name, models.parse_settings(name, NARROW[name]), R, seed=0, device=device)


def batch(step, device, size=1):
    generator = torch.Generator().manual_seed(step)
    return (torch.rand(2, size, 3, R, R, generator=generator) * 2 - 1).to(device)


def trained(translator, device, steps, *, precision="fp32", size=1, start=0):
    stepper = Stepper(translator, device, precision)
    losses = []
    for step in range(start, steps):
        stepper.begin(step / STEPS)
        translator.scale_lr(1.0 - step / STEPS)
        stepper.wait_for_room()
        losses.append({name: value.clone() for name, value in stepper.step(*batch(step, device, size)).items()})
    return stepper, [{name: float(value) for name, value in each.items()} for each in losses]


def weights(translator):
    return {
        f"{name}.{key}": value.cpu().clone()
        for name, network in translator.networks().items()
        for key, value in network.state_dict().items()
    }


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", NARROW)
def test_on_a_cpu_a_step_is_the_translators_own(name):
    stepped, own = built(name, "cpu"), built(name, "cpu")
    torch.manual_seed(1)
    stepper, losses = trained(stepped, "cpu", 3)
    torch.manual_seed(1)
    for step in range(3):
        own.set_progress(step / STEPS)
        own.scale_lr(1.0 - step / STEPS)
        wanted = own.train_step(*batch(step, "cpu"))
        assert losses[step] == {key: float(value) for key, value in wanted.items()}
    assert same(weights(stepped), weights(own))
    assert stepper.warm
    assert not stepper.recorded
    assert not stepper.busy


class UnreadRate(torch.Tensor):
    """A learning rate on a device that nobody may wait for."""

    def __float__(self):
        raise AssertionError("read back from the device")

    item = __float__


def test_learning_rates_are_set_without_reading_them_back():
    translator = built("pix2pix", "cpu")
    translator.scale_lr(1.0)
    rates = []
    for optimiser in translator.optimisers().values():
        for group in optimiser.param_groups:
            group["lr"] = torch.tensor(group["lr"]).as_subclass(UnreadRate)
            rates.append(group["lr"])
    translator.scale_lr(0.5)
    for rate in rates:
        assert rate.as_subclass(torch.Tensor).tolist() == pytest.approx(0.5 * 0.0002)


class UpdatesBeforeJudging:
    """A step that updates a network and then uses it again, as a model of another package may."""

    recordable = False

    def __init__(self):
        torch.manual_seed(0)
        self.network = torch.nn.Linear(4, 1)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=1.0)

    def optimisers(self):
        return {"one": self.optimiser}

    def train_step(self, bw, color):
        before = self.network(bw).mean()
        self.optimiser.zero_grad()
        before.backward()
        self.optimiser.step()
        return {"before": before.detach(), "after": self.network(bw).mean().detach()}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_network_that_was_updated_is_used_as_it_is(precision):
    """Autocast keeps rounded weights until its context ends, whatever becomes of them meanwhile."""
    translator = UpdatesBeforeJudging()
    losses = Stepper(translator, "cpu", precision).step(torch.ones(2, 4), torch.ones(2, 4))
    # The gradient of the mean is 1 for each weight and for the bias: the output falls by five.
    assert float(losses["after"] - losses["before"]) == pytest.approx(-5, abs=0.05)


@on_gpu
@pytest.mark.parametrize("name", NARROW)
def test_a_warm_step_waits_for_nothing(name):
    """Learning rate, batch and step as training does them: the processor prepares the next one while the device works."""
    translator = built(name, "cuda:0")
    stepper, _ = trained(translator, "cuda:0", PLAIN_STEPS + 1)
    bw, color = (side.cpu().pin_memory() for side in batch(0, "cuda:0"))
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for step in range(3):
            stepper.begin(0.5)
            translator.scale_lr(1.0 - step / STEPS)
            stepper.step(bw.to("cuda:0", non_blocking=True), color.to("cuda:0", non_blocking=True))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert stepper.recorded


@pytest.fixture
def deterministic_gpu():
    before = torch.are_deterministic_algorithms_enabled()
    make_deterministic("cuda:0")
    yield "cuda:0"
    torch.use_deterministic_algorithms(before)


@on_gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", NARROW)
def test_the_recorded_step_is_the_plain_one(name, precision, deterministic_gpu):
    results = []
    for recordable in (True, False):
        translator = built(name, deterministic_gpu)
        translator.recordable = recordable
        torch.manual_seed(1)
        stepper, losses = trained(translator, deterministic_gpu, STEPS, precision=precision)
        assert stepper.recorded == recordable
        results.append((losses, weights(translator)))
    assert results[0][0] == results[1][0]
    assert same(results[0][1], results[1][1])


@on_gpu
@pytest.mark.parametrize("name", NARROW)
def test_a_resumed_recording_goes_on_exactly(name, deterministic_gpu):
    device = deterministic_gpu
    straight = built(name, device)
    torch.manual_seed(1)
    trained(straight, device, STEPS)
    first = built(name, device)
    torch.manual_seed(1)
    trained(first, device, PLAIN_STEPS + 4)
    state, random = first.state(), torch.cuda.get_rng_state(device)
    resumed = built(name, device)
    resumed.load_state(torch.utils._pytree.tree_map(lambda v: v.clone() if isinstance(v, torch.Tensor) else v, state))
    torch.cuda.set_rng_state(random, device)
    trained(resumed, device, STEPS, start=PLAIN_STEPS + 4)
    assert same(weights(straight), weights(resumed))


@on_gpu
@pytest.mark.parametrize("name", NARROW)
def test_batches_of_several_are_recorded_too(name, deterministic_gpu):
    stepper, losses = trained(built(name, deterministic_gpu), deterministic_gpu, STEPS, size=3)
    assert stepper.recorded
    assert all(value == value for each in losses for value in each.values())


@on_gpu
def test_a_step_that_waits_for_the_device_runs_plainly_and_says_so(caplog):
    translator = built("unet-l1", "cuda:0")
    own = translator.train_step

    def waiting(bw, color):
        losses = own(bw, color)
        losses["G_L1"].item()
        return losses

    translator.train_step = waiting
    with caplog.at_level(logging.WARNING, logger="bench"):
        stepper, losses = trained(translator, "cuda:0", STEPS)
    assert stepper.warm
    assert not stepper.recorded
    assert "cannot be recorded as a CUDA graph" in caplog.text
    assert len({each["G_L1"] for each in losses}) == STEPS


@on_gpu
@pytest.mark.parametrize("name", NARROW)
def test_gpu_and_cpu_agree(name):
    """In float64 nothing but the order of additions differs; dropout draws other numbers there and is off."""
    settings = models.parse_settings(name, NARROW[name] | ({"dropout": 0.0} if name in ("pix2pix", "unet-l1") else {}))
    losses = []
    for device in ("cpu", "cuda:0"):
        translator = models.build(name, settings, R, seed=0, device=device, dtype=torch.float64)
        stepper = Stepper(translator, device, "fp32")
        for step in range(PLAIN_STEPS + 2):
            stepper.begin(0.0)
            found = stepper.step(*(each.double() for each in batch(step, device)))
        losses.append([float(value) for value in found.values()])
    # Recorded losses are kept in float32.
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def in_float64(name, *, compiles):
    """Train in float64, without dropout, which draws other masks where it is compiled."""
    settings = models.parse_settings(name, NARROW[name] | ({"dropout": 0.0} if name in ("pix2pix", "unet-l1") else {}))
    translator = models.build(name, settings, R, seed=0, device="cuda:0", dtype=torch.float64)
    stepper = Stepper(translator, "cuda:0", "fp32", compiles=compiles)
    losses = []
    for step in range(STEPS):
        stepper.begin(0.0)
        found = stepper.step(*(each.double() for each in batch(step, "cuda:0")))
        losses.append([float(value) for value in found.values()])
    return stepper, losses, translator


@on_gpu
@pytest.mark.parametrize("name", NARROW)
def test_compiled_networks_give_the_same_losses(name):
    plain, compiled = (in_float64(name, compiles=compiles) for compiles in (False, True))
    assert (plain[0].kind, compiled[0].kind) == ("recorded", "compiled, recorded")
    for step, (ours, wanted) in enumerate(zip(compiled[1], plain[1], strict=True)):
        # Recorded losses are kept in float32.
        assert ours == pytest.approx(wanted, rel=1e-9 if step < PLAIN_STEPS else 1e-6), step


@on_gpu
def test_every_replay_of_a_compiled_step_draws_its_own_dropout_masks():
    translator = built("unet-l1", "cuda:0")
    stepper, losses = Stepper(translator, "cuda:0", "fp32", compiles=True), []
    for _ in range(PLAIN_STEPS + 5):
        stepper.begin(0.0)
        # Nothing is learnt and the page is the same: only the masks are others.
        translator.scale_lr(0.0)
        losses.append(float(stepper.step(*batch(0, "cuda:0"))["G_L1"]))
    assert stepper.kind == "compiled, recorded"
    assert len(set(losses)) == len(losses)
    assert losses == pytest.approx([losses[0]] * len(losses), rel=0.05)


@on_gpu
def test_in_deterministic_mode_nothing_is_compiled(deterministic_gpu):
    translator = built("unet-l1", deterministic_gpu)
    assert not compiling.compilable(translator, deterministic_gpu)
    assert Stepper(translator, deterministic_gpu, "fp32", compiles=True).kind == "plain"


class Compiler:
    """Stands in for torch.compile: calls go to the networks as they are written, until one of them breaks."""

    def __init__(self, error=None, at=-1):
        self.calls, self.error, self.at = 0, error, at

    def __call__(self, function, *, dynamic):
        def call(*given):
            self.calls += 1
            if self.calls == self.at:
                raise self.error
            return function(*given)

        return call


def compiled_step(compiled, translator, given):
    with compiled.entered():
        return translator.train_step(*given)


@pytest.mark.parametrize("name", NARROW)
def test_where_the_compiler_fails_training_goes_on_as_if_nobody_had_asked(name, monkeypatch):
    """Also at its last call, when networks, optimisers, statistics, pools and dropout have moved on: to the bit."""
    counter = Compiler()
    monkeypatch.setattr(torch, "compile", counter)
    translator = built(name, "cpu")
    compiled_step(compiling.CompiledNetworks(translator, "cpu"), translator, batch(0, "cpu"))
    results = []
    for at in (1, counter.calls, None):
        translator = built(name, "cpu")
        torch.manual_seed(1)
        # Not the first step, so that there is a state to go back to.
        translator.train_step(*batch(0, "cpu"))
        if at is not None:
            monkeypatch.setattr(torch, "compile", Compiler(RuntimeError("no compiler\nhere"), at))
            compiled = compiling.CompiledNetworks(translator, "cpu")
            with pytest.raises(compiling.CompilerError, match="no compiler here") as raised:
                compiled.first_step(lambda c=compiled, t=translator: compiled_step(c, t, batch(1, "cpu")))
            assert raised.value.__context__ is None, "what the broken step computed is let go"
        losses = [translator.train_step(*batch(step, "cpu")) for step in (1, 2)]
        results.append(([{key: float(value) for key, value in each.items()} for each in losses], weights(translator)))
    assert counter.calls > 1 or name == "unet-l1"
    for found in results[:-1]:
        assert found[0] == results[-1][0]
        assert same(found[1], results[-1][1])


@on_gpu
def test_a_stepper_whose_compiler_fails_says_so_and_records_what_is_written(monkeypatch, caplog):
    monkeypatch.setattr(torch, "compile", Compiler(RuntimeError("no compiler here"), 1))
    translator = built("pix2pix", "cuda:0")
    stepper = Stepper(translator, "cuda:0", "fp32", compiles=True)
    with caplog.at_level(logging.WARNING, logger="bench"):
        for step in range(STEPS):
            stepper.begin(0.0)
            stepper.step(*batch(step, "cuda:0"))
    assert stepper.kind == "recorded"
    assert "pix2pix: its networks cannot be compiled here and run as they are written (no compiler here)" in caplog.text


def test_a_lack_of_memory_is_no_failure_of_the_compiler(monkeypatch):
    translator = built("unet-l1", "cpu")
    monkeypatch.setattr(torch, "compile", Compiler(torch.OutOfMemoryError("CUDA out of memory"), 1))
    compiled = compiling.CompiledNetworks(translator, "cpu")
    with pytest.raises(torch.OutOfMemoryError):
        compiled.first_step(lambda: compiled_step(compiled, translator, batch(0, "cpu")))


def test_outside_of_a_step_networks_are_called_as_before(monkeypatch):
    """Also those that a model of another package has compiled by itself."""
    compiler = Compiler()
    monkeypatch.setattr(torch, "compile", compiler)
    translator = built("pix2pix", "cpu")
    own = translator.generator._call_impl
    translator.generator._compiled_call_impl = own
    compiled = compiling.CompiledNetworks(translator, "cpu")
    compiled_step(compiled, translator, batch(0, "cpu"))
    called = compiler.calls
    assert called
    assert translator.generator._compiled_call_impl == own
    assert translator.discriminator._compiled_call_impl is None
    translator.colorize(batch(0, "cpu")[0])
    assert compiler.calls == called


def test_neither_a_cpu_nor_a_step_that_changes_is_compiled():
    translator = built("unet-l1", "cpu")
    assert not compiling.compilable(translator, "cpu")
    assert compiling.compilable(translator, "cuda:0")
    translator.recordable = False
    assert not compiling.compilable(translator, "cuda:0")
    stepper, _ = trained(built("unet-l1", "cpu"), "cpu", 1)
    assert stepper.kind == "plain"
