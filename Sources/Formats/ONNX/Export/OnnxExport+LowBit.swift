import Compression
import Models
import Tensors

extension OnnxExport {
  /// Writes an op with real activations and weights of few bits; a matrix [K, O] lies in blocks along K, the form that
  /// ONNX Runtime makes MatMulNBits of.
  func lowBit(_ op: any LowBitOp) throws -> String {
    if let linear = op as? LowBitLinear { return try lowBitLinear(linear) }
    let weight = type(of: op).weightInput
    let inputs = try reads.enumerated().map { i, read in
      i == weight ? dequantized(try stored(read, op.quantizer)) : try exporter.name(of: read)
    }
    return try float(op.float, inputs: inputs)
  }

  private func lowBitLinear(_ op: LowBitLinear) throws -> String {
    let matrix = dequantized(try stored(reads[1], op.quantizer, isTurned: true))
    let x = try exporter.name(of: reads[0])
    var y: String
    if op.isDynamic {
      let (rounded, scale) = try roundedRows(x)
      y = add("Mul", [add("MatMul", [rounded, matrix]), scale])
    } else {
      y = add("MatMul", [x, matrix])
    }
    if reads.count > 2 { y = add("Add", [y, try exporter.name(of: reads[2])]) }
    return y
  }

  /// Each row as numbers from -127 to 127 and the scale that they have in common; spelled out, as ONNX's own dynamic
  /// quantization knows whole tensors only.
  private func roundedRows(_ x: String) throws -> (rows: String, scale: String) {
    let axes = try integers([-1], "axes")
    let span = add("Div", [add("ReduceMax", [add("Abs", [x]), axes]), try scalar(127)])
    // A row of zeros has the scale 1.
    let scale = add("Where", [add("Equal", [span, try scalar(0)]), try scalar(1), span])
    return (add("Round", [add("Div", [x, scale])]), scale)
  }
}
