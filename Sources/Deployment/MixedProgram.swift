import Compression
import Tensors

extension Program {
  /// Runs a batch: a tensor [N, ...] for each input, in their order; all results.
  public func callAsFunction(_ inputs: [Tensor]) throws -> [Tensor] {
    if !isMixed {
      try require(inputs.count == 1, "program", "takes 1 input, got \(inputs.count)")
      return [try self(inputs[0])]
    }
    return try runMixed(inputs) { _, _ in }
  }

  /// Every step on the whole batch, as a graph runs; shows each one's number and result to `observe`.
  func runMixed(_ inputs: [Tensor], observe: (Int, Tensor) throws -> Void) throws -> [Tensor] {
    let batch = try checkedBatch(inputs)
    var values: [Tensor?] = inputs.map { $0.detached() }
    var last = [Int](repeating: -1, count: inputs.count + instructions.count)
    for (i, instruction) in instructions.enumerated() { for value in instruction.inputs { last[value] = i } }
    for output in outputs { last[output.value] = .max }
    for (i, instruction) in instructions.enumerated() {
      let reads = instruction.inputs.compactMap { values[$0] }
      do {
        let result =
          switch instruction.step {
          case let step as any TensorStep: try step.run(reads)
          case let step as any IntegerStep:
            try run(step, reads, batch, instruction.shape ?? [step.outputElements])
          default: throw ShapeError("program", "does not know how to run it")
          }
        values.append(result)
        try observe(i, result)
      } catch let error as ShapeError where error.function != "assert_exact" {
        throw ShapeError("step '\(instruction.name)'", "\(error)")
      }
      for value in instruction.inputs where last[value] == i { values[value] = nil }
    }
    return try outputs.map { output in
      guard let value = values[output.value] else { throw ShapeError("program", "lost a result") }
      return value
    }
  }

  /// The number of samples.
  private func checkedBatch(_ tensors: [Tensor]) throws -> Int {
    try require(
      tensors.count == inputs.count, "program", "takes \(inputs.count) inputs, got \(tensors.count)")
    for (port, x) in zip(inputs, tensors) {
      let fits =
        x.rank == port.shape.rank + 1
        && port.shape.indices.allSatisfy { port.open.contains($0) || x.shape[$0 + 1] == port.shape[$0] }
      let extents = port.shape.indices.map { port.open.contains($0) ? "any" : "\(port.shape[$0])" }
      try require(
        fits && x.dtype == port.dtype && x.shape[0] == tensors[0].shape[0], "program",
        "takes \(port.dtype) [N, \(extents.joined(separator: ", "))] for '\(port.name)', got \(x.dtype) \(x.shape)"
      )
    }
    return tensors[0].shape[0]
  }

  /// An integer step on whole tensors, as inside a graph; threads share the samples.
  private func run(_ step: any IntegerStep, _ inputs: [Tensor], _ batch: Int, _ shape: Shape) throws -> Tensor
  {
    let dense = try inputs.map { $0.rank == 4 ? try $0.channelsLast() : try $0.contiguous() }
    for (x, elements) in zip(dense, step.inputElements) {
      try require(
        x.count == batch * elements, "program", "takes \(elements) numbers a sample, got \(x.shape)")
    }
    let y = try Tensor(undefined: Shape([batch] + shape), step.outputType, format: .channelsLast)
    let work = step.outputElements + step.inputElements.reduce(0, +) + step.weightBytes
    let threads = max(1, min(Engine.threads, batch, batch * work / 200_000))
    let widths = zip(dense, step.inputElements).map { $0.dtype.size * $1 }
    let width = step.outputElements * step.outputType.size
    try withExtendedLifetime((step, dense, y)) {
      let (from, to) = (dense.map { UnsafeRawPointer($0.bytes) }, y.bytes)
      try ThreadTeam.run(parts: threads, threads: threads) { part, _ in
        let (first, end) = (part * batch / threads, (part + 1) * batch / threads)
        let addresses = zip(from, widths).map { $0 + first * $1 }
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: max(step.scratchBytes, 1), alignment: 64)
        defer { scratch.deallocate() }
        try step.run(batch: end - first, addresses, to + first * width, scratch: scratch)
      }
    }
    return y
  }
}
