import Compression
import Foundation
import Models
import Tensors
import Testing

@testable import Formats

/// A model of one operator, made for a test.
struct OneNode: Sendable, CustomTestStringConvertible {
  var operation: String
  var input: [OnnxValueInfo.Dimension] = [.fixed(2), .fixed(3), .fixed(4), .fixed(5)]
  /// What the node reads behind its input.
  var constants: [[Int64]] = []
  var attributes: [String: OnnxAttribute] = [:]
  var outputs = 1

  var testDescription: String { "\(operation) \(constants) \(attributes)" }

  func model() throws -> OnnxModel {
    var model = OnnxModel()
    model.opsets[""] = 21
    model.graph.inputs = [OnnxValueInfo(name: "x", type: .float, shape: input)]
    var node = OnnxNode(name: "node", operation: operation, inputs: ["x"], attributes: attributes)
    for (i, list) in constants.enumerated() {
      node.inputs.append("c\(i)")
      model.graph.initializers.append(OnnxTensor("c\(i)", try Tensor([list.count], list)))
    }
    node.outputs = (0..<outputs).map { "y\($0)" }
    model.graph.nodes = [node]
    model.graph.outputs = node.outputs.map { OnnxValueInfo(name: $0, type: .float) }
    return model
  }

  func read() throws -> Graph {
    try OnnxFile.read(MappedFile(copying: model().encoded(), as: "m.onnx"))
  }
}

extension OnnxAttribute: @unchecked Sendable {}

@Suite struct OnnxImportTests {
  private func read(_ model: OnnxModel) throws -> Graph {
    try OnnxFile.read(MappedFile(copying: model.encoded(), as: "m.onnx"))
  }

  private func ramp(_ shape: Shape) throws -> Tensor {
    try Tensor.arange(start: 0, count: shape.elements).reshaped(shape)
  }

  /// PyTorch writes the largest number for "up to the end", and the lowest for "down to the beginning".
  @Test func slicesReachTheEnd() throws {
    let x = try ramp([2, 3, 4, 5])
    let forward = try OneNode(operation: "Slice", constants: [[1], [.max], [2]]).read()
    #expect(try forward(x).doubles() == x.slice(axis: 2, start: 1, count: 3).doubles())
    let back = try OneNode(operation: "Slice", constants: [[.max], [.min], [3], [-2]]).read()
    #expect(try back(x).doubles() == x.slice(axis: 3, start: 4, count: 3, step: -2).doubles())
    let far = try OneNode(operation: "Slice", constants: [[1], [.max], [3], [.max]]).read()
    #expect(try far(x).doubles() == x.slice(axis: 3, start: 1, count: 1).doubles())
  }

  static let impossible: [OneNode] = [
    OneNode(operation: "Slice", constants: [[0], [1], [.max]]),
    OneNode(operation: "Reshape", constants: [[1 << 32, 1 << 32, -1]]),
    OneNode(operation: "Reshape", constants: [[-1, .max]]),
    OneNode(operation: "Reshape", constants: [[1 << 39, 1 << 39]]),
    OneNode(operation: "Split", constants: [[.max, .max]], attributes: ["axis": .int(1)], outputs: 2),
    OneNode(operation: "Split", constants: [[1 << 39, 1 << 39]], attributes: ["axis": .int(1)], outputs: 2),
    OneNode(operation: "Split", attributes: ["num_outputs": .int(1 << 30)]),
    OneNode(operation: "Pad", constants: [[.max, 0, 0, 0, .max, 0, 0, 0]]),
    OneNode(operation: "Pad", constants: [[1 << 39, 0, 0, 0, 1 << 39, 0, 0, 0]]),
    OneNode(
      operation: "MaxPool",
      attributes: ["kernel_shape": .ints([1 << 40, 2]), "dilations": .ints([1 << 40, 1])]),
    OneNode(
      operation: "MaxPool",
      attributes: ["kernel_shape": .ints([2, 2]), "pads": .ints([.max, .max, .max, .max])]),
    OneNode(
      operation: "MaxPool", attributes: ["kernel_shape": .ints([2, 2]), "strides": .ints([.max, 1])]),
    OneNode(
      operation: "AveragePool", attributes: ["kernel_shape": .ints([0, 0]), "dilations": .ints([-1, -1])]),
    OneNode(operation: "Trilu", input: [.fixed(1 << 20), .fixed(1 << 19)]),
    OneNode(operation: "Trilu", constants: [[.max]]),
    OneNode(operation: "OneHot", constants: [[1 << 39], [0, 1]]),
    OneNode(operation: "OneHot", constants: [[3], [0]]),
    OneNode(operation: "Tile", constants: [[1, 1, 1 << 40, 1 << 40]]),
    OneNode(operation: "Tile", constants: [[.max, 1, 1, 1]]),
    OneNode(operation: "Expand", constants: [[1 << 30, 1 << 30, 2, 3, 4, 5]]),
    OneNode(operation: "DepthToSpace", attributes: ["blocksize": .int(1 << 32)]),
    OneNode(operation: "DepthToSpace", attributes: ["blocksize": .int(1 << 30)]),
    OneNode(operation: "Unsqueeze", constants: [[0, 0, 0, 0, 0]]),
    OneNode(operation: "ReduceSum", constants: [[.min]]),
    OneNode(operation: "Flatten", attributes: ["axis": .int(.min)]),
    OneNode(operation: "InstanceNormalization", input: [.fixed(3)], constants: [[1], [1]]),
    OneNode(
      operation: "MatMul", input: [.fixed(1 << 20), .fixed(1), .fixed(1)], constants: [[]]),
  ]

  /// Sums and products of what a file says stay clear of overflow, and memory of what it only names.
  @Test(arguments: impossible) func refusesImpossibleNumbers(node: OneNode) throws {
    #expect {
      try node.read()
    } throws: {
      "\($0)".hasPrefix("m.onnx: node 'node' (\(node.operation)): ") && !"\($0)".contains("\n")
    }
  }

  @Test(arguments: ["ConstantOfShape", "Range", "EyeLike"]) func refusesLargeConstants(operation: String)
    throws
  {
    var model = OnnxModel()
    model.opsets[""] = 21
    let numbers: [Int64] = operation == "Range" ? [0, .max, 1] : [1 << 20, 1 << 19]
    model.graph.initializers =
      try operation == "Range"
      ? numbers.enumerated().map { OnnxTensor("c\($0)", try Tensor([], [$1])) }
      : [OnnxTensor("c0", try Tensor([2], numbers))]
    model.graph.nodes = [
      OnnxNode(operation: operation, inputs: model.graph.initializers.map(\.name), outputs: ["y"])
    ]
    if operation == "EyeLike" {
      model.graph.initializers = []
      model.graph.inputs = [
        OnnxValueInfo(name: "c0", type: .float, shape: [.fixed(1 << 20), .fixed(1 << 19)])
      ]
    }
    model.graph.outputs = [OnnxValueInfo(name: "y", type: .float)]
    #expect { try read(model) } throws: { "\($0)".hasPrefix("m.onnx: node 'y' (\(operation)): ") }
  }

  @Test(arguments: ["If", "Loop", "Scan"]) func refusesControlFlow(operation: String) throws {
    #expect {
      try OneNode(operation: operation, attributes: ["body": .int(0)]).read()
    } throws: {
      "\($0)" == "m.onnx: node 'node' (\(operation)): control flow inside of a model is not supported; "
        + "export the model with that choice made"
    }
  }

  /// An index beyond the end is a fault of the model, with its node.
  @Test func refusesIndicesBeyondTheEnd() throws {
    var model = try OneNode(operation: "Gather", constants: [[1, 7]]).model()
    model.graph.initializers.append(OnnxTensor("table", try ramp([5])))
    model.graph.nodes[0].inputs = ["table", "c0"]
    #expect { try read(model) } throws: {
      "\($0)" == "m.onnx: node 'node' (Gather): index_select: index 7 is out of range, valid are 0 to 4"
    }
  }

  /// Beyond 2^53 a double knows no neighbours.
  @Test func dividesLargeIntegersExactly() throws {
    for (operation, divisor, expected) in [
      ("Div", 1, (1 << 53) + 1), ("Div", -3, -((1 << 53) + 1) / 3), ("Mod", 10, 3), ("Mod", -10, -7),
    ] as [(String, Int64, Int64)] {
      var model = try OneNode(operation: operation, constants: [[(1 << 53) + 1], [divisor]]).model()
      model.graph.nodes[0].inputs = ["c0", "c1"]
      #expect(try read(model)(ramp([2, 3, 4, 5])).array(Int64.self) == [expected])
    }
  }

  @Test func missingExternalWeightsAreAnErrorOfTheirOwn() throws {
    var writer = ProtobufWriter()
    writer.message(8) { $0.varint(2, 21) }
    writer.message(7) { graph in
      graph.message(1) { node in
        for name in ["x", "w"] { node.text(1, name) }
        node.text(2, "y")
        node.text(4, "Add")
      }
      graph.message(5) { weight in
        weight.packed(1, [3])
        weight.varint(2, OnnxType.float.rawValue)
        weight.text(8, "w")
        weight.message(13) { entry in
          entry.text(1, "location")
          entry.text(2, "gone")
        }
        weight.varint(14, 1)
      }
      graph.message(11) { input in
        input.text(1, "x")
        input.message(2) { type in
          type.message(1) { tensor in
            tensor.varint(1, OnnxType.float.rawValue)
            tensor.message(2) { shape in for extent in [1, 3] { shape.message(1) { $0.varint(1, extent) } } }
          }
        }
      }
      graph.message(12) { $0.text(1, "y") }
    }
    let folder = NSTemporaryDirectory() + "external-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try AtomicFile.write(writer.bytes, to: folder + "/m.onnx")
    #expect { try OnnxFile.read(folder + "/m.onnx") } throws: {
      "\($0)".hasSuffix("/gone: cannot be read: there is no such file or folder")
    }
  }

  /// Symmetric weights end at -127 where they are made here; a file's may be -128 and stay so.
  @Test(arguments: [-127, -128] as [Int8]) func theLowestWeightKeepsItsValue(lowest: Int8) throws {
    var model = OnnxModel()
    model.opsets[""] = 21
    model.graph.inputs = [OnnxValueInfo(name: "x", type: .float, shape: [.symbol("batch"), .fixed(2)])]
    model.graph.initializers = [
      OnnxTensor("w", try Tensor([2, 2], [lowest, 0, 0, 64] as [Int8])),
      OnnxTensor("w_scale", try Tensor([], [0.5] as [Float])),
      OnnxTensor("scale", try Tensor([], [1] as [Float])), OnnxTensor("zero", try Tensor([], [0] as [UInt8])),
      OnnxTensor("y_scale", try Tensor([], [4] as [Float])),
      OnnxTensor("y_zero", try Tensor([], [200] as [UInt8])),
      OnnxTensor("w_zero", try Tensor([], [0] as [Int8])),
    ]
    func node(_ operation: String, _ inputs: [String], _ output: String) -> OnnxNode {
      OnnxNode(
        name: output, operation: operation, inputs: inputs, outputs: [output],
        attributes: operation == "Gemm" ? ["transB": .int(1)] : [:])
    }
    model.graph.nodes = [
      node("QuantizeLinear", ["x", "scale", "zero"], "q"),
      node("DequantizeLinear", ["q", "scale", "zero"], "d"),
      node("DequantizeLinear", ["w", "w_scale", "w_zero"], "weight"), node("Gemm", ["d", "weight"], "g"),
      node("QuantizeLinear", ["g", "y_scale", "y_zero"], "qy"),
      node("DequantizeLinear", ["qy", "y_scale", "y_zero"], "y"),
    ]
    model.graph.outputs = [OnnxValueInfo(name: "y", type: .float)]
    let graph = try read(model)
    let y = try graph(Tensor([1, 2], [10, 3] as [Float]))
    // 10 * lowest / 2 = -640 or -635, on a grid of fours -640 or -636.
    #expect(try y.doubles() == [lowest == -128 ? -640 : -636, 96])
    #expect(graph.order.contains { graph.operation($0)?.op is QuantizedLinear })
  }
}
