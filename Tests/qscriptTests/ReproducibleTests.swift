import Foundation
import Testing

/// Trains a small network with batch norm, dropout, augmentation and Adam, and saves it as `arg[1]`.
private let script = """
  local qs = require "qscript"
  local nn = qs.nn
  qs.seed(11)
  local train, test = qs.data.digits()
  train, test = train:take(400), test:take(100)
  local model = nn.sequential{
    nn.conv2d(1, 8, 3, {padding = 1}), nn.batch_norm2d(8), nn.relu(), nn.max_pool2d(2),
    nn.flatten(), nn.dropout(0.2), nn.linear(128, 10)}
  local run = arg[2] == "stage" and qs.run{name = "resume"}
  local function fit()
    return qs.fit(model, train, {
      epochs = 4, batch_size = 32, lr = 5e-3, schedule = "cosine", warmup = 5, validation = test, patience = 4,
      augment = qs.data.augment{shift = 1, flip = true, cutout = 2, mixup = 0.2},
      checkpoint = arg[2] and (arg[2] == "stage" and {steps = 3} or {path = arg[2], steps = 3}) or nil,
      on_epoch = function(m) print("epoch " .. m.epoch) io.stdout:flush() end})
  end
  local history = run and run:stage("train", fit) or fit()
  model:save(arg[1])
  local file = assert(io.open(arg[1] .. ".history", "w"))
  for i, m in ipairs(history) do
    file:write(string.format("%d %a %a %a %a\\n", i, m.loss, m.accuracy, m.lr, m.validation_accuracy))
  end
  file:write(string.format("%d %a\\n", history.best.epoch, history.best.accuracy))
  file:close()
  """

@Suite struct ReproducibleTests {
  let program: Program

  init() throws {
    program = try Program()
    try program.write("train.lua", script)
  }

  private func bytes(_ name: String) throws -> [Data] {
    try ["", ".history"].map { try Data(contentsOf: program.folder.appending(path: name + $0)) }
  }

  private func run(_ arguments: String...) throws {
    let ending = try program.start(arguments).wait()
    try #require(ending.code == 0, "\(ending.errors)")
  }

  @Test func `the same seed gives the same file`() throws {
    try run("train.lua", "a.safetensors")
    try run("train.lua", "b.safetensors")
    #expect(try bytes("a.safetensors") == bytes("b.safetensors"))
  }

  @Test func `a killed training goes on as if nothing had happened`() throws {
    try run("train.lua", "whole.safetensors")
    // Killed in the second epoch, and again in the third or later.
    for text in ["epoch 1", "epoch 2"] {
      let started = try program.start(["train.lua", "killed.safetensors", "point.safetensors"])
      _ = started.hasPrinted(text)
      usleep(20_000)
      started.send(SIGKILL)
      _ = try started.wait()
    }
    try run("train.lua", "killed.safetensors", "point.safetensors")
    #expect(try bytes("killed.safetensors") == bytes("whole.safetensors"))
    // Once more: there is nothing left to do.
    let again = try program.run("train.lua", "again.safetensors", "point.safetensors")
    #expect(again.code == 0 && !again.output.contains("epoch 1"))
    #expect(try bytes("again.safetensors") == bytes("whole.safetensors"))
  }

  @Test func `a run keeps its own checkpoints until its script has ended`() throws {
    try run("train.lua", "whole.safetensors")
    let started = try program.start(["train.lua", "killed.safetensors", "stage"])
    try #require(started.hasPrinted("epoch 1"))
    started.send(SIGKILL)
    _ = try started.wait()
    let folder = program.folder.appending(path: "runs/checkpoints")
    #expect(FileManager.default.fileExists(atPath: folder.path))
    let ending = try program.run("train.lua", "killed.safetensors", "stage")
    #expect(ending.code == 0 && (ending.errors + ending.output).contains("goes on from"))
    #expect(try bytes("killed.safetensors") == bytes("whole.safetensors"))
    #expect(!FileManager.default.fileExists(atPath: folder.path))
  }

  @Test func `another recipe or model is refused in one line`() throws {
    let small = """
      local data, model = qs.data.digits(), nil
      local nn = qs.nn
      qs.seed(tonumber(arg[2]))
      model = nn.sequential{nn.flatten(), nn.linear(64, 10)}
      qs.fit(model, data:take(64),
        {epochs = 1, lr = tonumber(arg[1]), precision = arg[3], checkpoint = "c.safetensors"})
      """
    try program.write("small.lua", small)
    try run("small.lua", "0.001", "1")
    let rate = try program.run("small.lua", "0.002", "1")
    #expect(
      rate.errors.contains(
        "fit: c.safetensors is a checkpoint of a training with lr 0.001, which is now 0.002; give another file, or "
          + "remove this one to begin anew"))
    let precision = try program.run("small.lua", "0.001", "1", "bf16")
    #expect(precision.errors.contains("a training with precision f32, which is now bf16"))
    let model = try program.run("small.lua", "0.001", "2")
    #expect(model.errors.contains("a training with another model, or one with other weights to start from"))
    try Data("nonsense".utf8).write(to: program.folder.appending(path: "c.safetensors"))
    #expect(try program.run("small.lua", "0.001", "1").errors.contains("c.safetensors"))
  }

  @Test func `a run is needed for a checkpoint without a place`() throws {
    let ending = try program.run(
      "-e", "qs.fit(qs.nn.linear(64, 10), (qs.data.digits()), {checkpoint = true})")
    #expect(ending.errors.contains("fit: checkpoint = true needs a run to keep it with"))
  }

  @Test func `our own operations give the same bits on one thread and on two`() throws {
    // Batches, augmentation, batch norm, pooling, softmax, losses and optimizers are ours; oneDNN's products are not.
    let own = """
      local qs, nn = require "qscript", qs.nn
      qs.seed(3)
      local train = qs.data.digits()
      local gain = nn.sequential{nn.batch_norm2d(1), nn.relu(), nn.avg_pool2d(2), nn.dropout(0.1), nn.flatten(),
        nn.layer_norm(16)}
      local optimizer = qs.optim.adamw(gain, {lr = 0.01})
      for x, y in train:batches{size = 64, shuffle = true, augment = qs.data.augment{shift = 1, mixup = 0.3}} do
        optimizer:zero_grad()
        qs.losses.cross_entropy(gain(x), y):backward()
        optimizer:step()
      end
      gain:save(arg[1])
      """
    try program.write("own.lua", own)
    try run("--threads", "1", "own.lua", "one.safetensors")
    try run("--threads", "2", "own.lua", "two.safetensors")
    let files = try ["one", "two"].map {
      try Data(contentsOf: program.folder.appending(path: $0 + ".safetensors"))
    }
    #expect(files[0] == files[1])
  }
}
