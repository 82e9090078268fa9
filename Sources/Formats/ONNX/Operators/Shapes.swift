import Models
import Tensors

/// What moves numbers without computing with them, and arithmetic on shapes.
extension OnnxOperator {
  static let shapes: [String: OnnxOperator] = [
    "Shape": OnnxOperator { c in try shapeOf(c) },
    "Size": OnnxOperator { c in try integers(c, [c.shape(c.input(0)).elements], scalar: true) },
    "Reshape": OnnxOperator { c in try reshape(c) },
    "Flatten": OnnxOperator { c in
      let x = try c.input(0)
      let (axis, rank) = (try c.int("axis", 1), try c.shape(x).rank)
      return try c.emit(Flatten(axis: axis < 0 ? axis + rank : axis), x)
    },
    "Squeeze": OnnxOperator { c in
      let x = try c.input(0)
      let shape = try c.shape(x)
      let named = try c.integers(1, orAttribute: "axes")?.map { try c.axis($0, of: x) }
      // Which dimensions are 1 is not known where one is open.
      if named == nil { try fixed(c, shape.dims) }
      let axes = named ?? shape.indices.filter { shape[$0] == 1 }
      return try axes.sorted(by: >).reduce(x) { try c.emit(Squeeze(axis: $1), $0) }
    },
    "Unsqueeze": OnnxOperator { c in
      let x = try c.input(0)
      let listed = try c.integers(1, orAttribute: "axes") ?? []
      let axes = try listed.map { try c.axis($0, of: x, extra: listed.count) }
      return try axes.sorted().reduce(x) { try c.emit(Unsqueeze(axis: $1), $0) }
    },
    "Transpose": OnnxOperator { c in
      let x = try c.input(0)
      return try c.emit(Transpose(c.ints("perm") ?? c.shape(x).indices.reversed()), x)
    },
    "Concat": OnnxOperator { c in
      try c.emit(Concat(axis: c.axis(c.int("axis", 0), of: c.input(0))), c.allInputs())
    },
    "Split": OnnxOperator(several: { c in try split(c) }),
    "Slice": OnnxOperator { c in try slice(c) },
    "Expand": OnnxOperator { c in try expand(c) },
    "Tile": OnnxOperator { c in
      let x = try c.input(0)
      return try c.integers(1, "repeats").enumerated().reduce(x) { value, item in
        item.element == 1 ? value : try c.emit(Tile(axis: item.offset, count: item.element), value)
      }
    },
    "Pad": OnnxOperator { c in try pad(c) },
    "DepthToSpace": OnnxOperator { c in try depthToSpace(c) },
    "SpaceToDepth": OnnxOperator { c in try spaceToDepth(c) },
    "Trilu": OnnxOperator { c in try trilu(c) },
  ]

  static func integers(_ c: OnnxCall, _ values: [Int], scalar: Bool = false) throws -> OnnxValue {
    let tensor = try Tensor(scalar ? [] : [values.count], values.map(Int64.init))
    return .constant(OnnxConstant(tensor, isSymbolic: values.contains(where: c.importer.symbols.isSymbolic)))
  }

  private static func shapeOf(_ c: OnnxCall) throws -> OnnxValue {
    let dims = try c.shape(c.input(0)).dims
    func place(_ value: Int) -> Int { min(max(value < 0 ? value + dims.count : value, 0), dims.count) }
    let (start, end) = (place(try c.place("start", 0)), place(try c.place("end", dims.count)))
    return try integers(c, Array(dims[min(start, end)..<end]))
  }

  private static func reshape(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let source = try c.shape(x)
    guard var target = try c.integers(1, orAttribute: "shape") else { throw OnnxRefusal("has no shape") }
    if try !c.flag("allowzero") {
      for i in target.indices where target[i] == 0 {
        try c.require(i < source.rank, "keeps dimension \(i) of \(source), which has no such dimension")
        target[i] = source[i]
      }
    }
    if let free = target.firstIndex(of: -1) {
      let rest = OnnxCall.product(target[..<free] + target[(free + 1)...]) ?? 0
      if rest > 0, source.elements % rest == 0 { target[free] = source.elements / rest }
    }
    return try c.reshape(x, target)
  }

  private static func split(_ c: OnnxCall) throws -> [OnnxValue] {
    let x = try c.input(0)
    let axis = try c.axis(c.int("axis", 0), of: x)
    let extent = try c.shape(x)[axis]
    try c.require(!c.importer.symbols.isSymbolic(extent), "splits a dimension that is not fixed")
    let parts = try c.int("num_outputs", c.node.outputs.count)
    try c.require(
      parts == c.node.outputs.count && parts > 0, "has \(c.node.outputs.count) outputs for \(parts) parts")
    let even = (extent + parts - 1) / parts
    let sizes =
      try c.integers(1, orAttribute: "split")
      ?? (0..<parts).map { min(even, max(0, extent - $0 * even)) }
    try c.require(
      sizes.allSatisfy { (0...extent).contains($0) } && sizes.count <= parts,
      "its parts do not fit \(try c.shape(x))")
    var start = 0
    return try sizes.map { size in
      defer { start += size }
      return try c.emit(Slice(axis: axis, start: size == 0 ? 0 : start, count: size), x)
    }
  }

  private static func slice(_ c: OnnxCall) throws -> OnnxValue {
    var x = try c.input(0)
    guard let starts = try c.places(1, orAttribute: "starts"),
      let ends = try c.places(2, orAttribute: "ends"),
      starts.count == ends.count
    else { throw OnnxRefusal("needs as many starts as ends") }
    let axes = try c.integers(3, orAttribute: "axes") ?? Array(starts.indices)
    let steps = try c.places(4, orAttribute: "steps") ?? starts.map { _ in 1 }
    try c.require(
      axes.count == starts.count && steps.count == starts.count, "needs one axis and step for each start")
    for i in starts.indices {
      let axis = try c.axis(axes[i], of: x)
      let extent = try c.shape(x)[axis]
      try c.require(steps[i] != 0, "has a step of 0")
      func place(_ index: Int) -> Int {
        let index = index < 0 ? index + extent : index
        return steps[i] < 0 ? min(max(index, -1), extent - 1) : min(max(index, 0), extent)
      }
      let (start, distance) = (place(starts[i]), place(ends[i]) - place(starts[i]))
      let count = max(0, (distance + steps[i] - steps[i].signum()) / steps[i])
      if start == 0 && count == extent && steps[i] == 1 { continue }
      try c.require(
        !c.importer.symbols.isSymbolic(extent) || (starts[i] >= 0 && ends[i] >= 0 && ends[i] <= 1000),
        "takes a part of a dimension that is not fixed, counted from its end; \(c.importer.symbols.remedy)")
      x = try c.emit(Slice(axis: axis, start: count == 0 ? 0 : start, count: count, step: steps[i]), x)
    }
    return x
  }

  private static func expand(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let source = try c.shape(x)
    let wanted = try Shape(checking: c.integers(1, "shape"), for: "expand")
    guard let target = Shape.broadcast(source, wanted) else {
      throw OnnxRefusal("\(source) does not broadcast to \(wanted)")
    }
    if target == source { return x }
    try c.require(
      !target.contains(where: c.importer.symbols.isSymbolic),
      "repeats to a size that is not fixed; \(c.importer.symbols.remedy)")
    return try c.emit(BroadcastTo(shape: target), x)
  }

  private static func pad(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let rank = try c.shape(x).rank
    guard let pads = try c.integers(1, orAttribute: "pads") else { throw OnnxRefusal("has no pads") }
    let axes = try c.has(3) ? c.integers(3, "axes").map { try c.axis($0, of: x) } : Array(0..<rank)
    try c.require(pads.count == 2 * axes.count, "needs two pads for each axis")
    var (before, after) = ([Int](repeating: 0, count: rank), [Int](repeating: 0, count: rank))
    for (i, axis) in axes.enumerated() { (before[axis], after[axis]) = (pads[i], pads[i + axes.count]) }
    let name = try c.string("mode", "constant")
    let mode = Pad.Mode.allCases.first { $0.onnxName == name }
    guard let mode else { throw OnnxRefusal("attribute 'mode' is '\(name)', which is none of ONNX's") }
    try c.require(before.allSatisfy { $0 >= 0 } && after.allSatisfy { $0 >= 0 }, "pads must not be negative")
    let value = try c.number(2, "constant_value") ?? c.float("value", 0)
    return try c.emit(Pad(before: before, after: after, mode: mode, value: value), x)
  }

  private static func depthToSpace(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let (s, block) = (try c.shape(x), try c.int("blocksize", 1))
    try c.require(
      s.rank == 4 && block > 0 && s[1] % (block * block) == 0, "blocksize \(block) does not fit \(s)")
    let (n, channels, h, w) = (s[0], s[1] / (block * block), s[2], s[3])
    let columnsFirst = try c.string("mode", "DCR") == "CRD"
    let dims = columnsFirst ? [n, channels, block, block, h, w] : [n, block, block, channels, h, w]
    let order = columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
    return try c.reshape(
      c.emit(Transpose(order), c.reshape(x, dims)), [n, channels, h * block, w * block])
  }

  private static func spaceToDepth(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let (s, block) = (try c.shape(x), try c.int("blocksize", 1))
    try c.require(
      s.rank == 4 && block > 0 && s[2] % block == 0 && s[3] % block == 0,
      "blocksize \(block) does not fit \(s)")
    let (h, w) = (s[2] / block, s[3] / block)
    let parts = try c.reshape(x, [s[0], s[1], h, block, w, block])
    return try c.reshape(c.emit(Transpose([0, 3, 5, 1, 2, 4]), parts), [s[0], s[1] * block * block, h, w])
  }

  private static func trilu(_ c: OnnxCall) throws -> OnnxValue {
    let x = try c.input(0)
    let s = try c.shape(x)
    try c.require(s.rank >= 2, "needs matrices, got \(s)")
    let (rows, columns) = (s[s.rank - 2], s[s.rank - 1])
    try c.require(
      !c.importer.symbols.isSymbolic(rows) && !c.importer.symbols.isSymbolic(columns),
      "of a size that is not fixed")
    try c.requireModest([rows, columns])
    let (upper, k) = (try c.flag("upper", true), try c.integer(1, "k") ?? 0)
    let kept = (0..<rows * columns).map { i -> Double in
      let distance = i % columns - i / columns
      return (upper ? distance >= k : distance <= k) ? 1 : 0
    }
    let mask = c.constant(try Tensor.from(kept, [rows, columns], .bool))
    return try c.emit(Where(), mask, x, c.scalar(0, like: x))
  }
}

extension Pad.Mode {
  var onnxName: String {
    switch self {
    case .constant: "constant"
    case .reflect: "reflect"
    case .replicate: "edge"
    case .circular: "wrap"
    }
  }
}
