/// What reductions share: the axes, and the walk.
public protocol ReductionOp: OneInputOp {
  /// 0-based dimensions to reduce over, each once.
  var axes: [Int] { get }
  /// Whether they stay, with extent 1.
  var keepDims: Bool { get }
  /// Whether the reduction of no elements has a value.
  static var allowsEmpty: Bool { get }
}

extension ReductionOp {
  public static var allowsEmpty: Bool { true }

  public func shape(of x: Shape) throws -> Shape {
    var kept = x
    for axis in axes {
      try requireAxis(axis, of: x)
      try require(kept[axis] >= 0, "a dimension is named twice")
      try require(Self.allowsEmpty || x[axis] > 0, "\(x) has nothing to reduce over")
      kept[axis] = -1
    }
    var shape = Shape()
    for extent in kept where keepDims || extent >= 0 { shape.append(extent < 0 ? 1 : extent) }
    return shape
  }

  /// A tensor of the result's shape as it broadcasts against the input.
  func aligned(_ reduced: Tensor, with input: Tensor) throws -> Tensor {
    var kept = input.shape
    for axis in axes { kept[axis] = 1 }
    return try reduced.reshaped(kept)
  }

  /// A tensor of the result's shape, repeated along what was reduced: a view of the input's shape. No record.
  func repeated(_ reduced: Tensor, like input: Tensor) -> Tensor {
    var strides = Strides(repeating: 0, rank: input.rank)
    var next = 0
    for axis in input.shape.indices {
      let isKept = !axes.contains(axis)
      if isKept { strides[axis] = reduced.strides[next] }
      if isKept || keepDims { next += 1 }
    }
    return reduced.view(input.shape, strides: strides)
  }

  /// Elements of the input that go into one of the result.
  func extent(_ input: Shape) -> Int { axes.reduce(1) { $0 * input[$1] } }
}

/// The walks of reductions.
enum Reduction {
  /// Folds along `axes`, one accumulator per result element, in the order the elements lie in memory.
  @inline(__always)
  static func run<T: Element, A: Element>(
    _ x: Tensor, _ axes: [Int], _ shape: Shape, _: T.Type, _ start: A, _ body: (A, T) -> A
  ) throws -> Tensor {
    let y = try Tensor(undefined: shape, A.dtype)
    let (input, output) = (x.pointer(T.self), y.pointer(A.self))
    output.update(repeating: start, count: y.count)
    walk(x, axes) { n, offset, step in
      let (from, to) = (input + offset[0], output + offset[1])
      if step[1] == 0 {
        var sum = to[0]
        for i in 0..<n { sum = body(sum, from[i * step[0]]) }
        to[0] = sum
      } else if step[0] == 1 && step[1] == 1 {
        for i in 0..<n { to[i] = body(to[i], from[i]) }
      } else {
        for i in 0..<n { to[i * step[1]] = body(to[i * step[1]], from[i * step[0]]) }
      }
    }
    return y
  }

  private static func walk(
    _ x: Tensor, _ axes: [Int], _ run: (Int, InlineArray<2, Int>, InlineArray<2, Int>) -> Void
  ) {
    let loop = StridedLoop<2>(x.shape, [x.strides, resultStrides(x.shape, axes)])
    loop.forEachRun { run(loop.length, $0, loop.innerStrides) }
  }

  /// The strides with which a walk over the input steps through a dense result: 0 along `axes`.
  static func resultStrides(_ input: Shape, _ axes: [Int]) -> Strides {
    var steps = Strides(repeating: 0, rank: input.rank)
    var step = 1
    for axis in input.indices.reversed() where !axes.contains(axis) {
      steps[axis] = step
      step *= Swift.max(input[axis], 1)
    }
    return steps
  }
}
