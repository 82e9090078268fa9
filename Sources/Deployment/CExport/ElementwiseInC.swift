import CKernels
import Compression
import Tensors

extension IntegerQuantize: CExportable {
  func write(to c: inout CStep) throws {
    let quantizer = c.structure(
      "quantizer", "quantizer",
      [
        ("scale", try c.scale(params.scale)), ("zero_point", "\(params.zeroPoint)"),
        ("lo", "\(params.lowest)"), ("hi", "\(params.highest)"),
      ])
    c.call(
      "quantize_elements", of: "quantize.h", [quantizer, "\(outputElements)", c.inputs[0], c.output])
  }
}

extension IntegerDequantize: CExportable {
  func write(to c: inout CStep) throws {
    c.call(
      "dequantize_elements", of: "dequantize.h",
      [try c.scale(params.scale), "\(params.zeroPoint)", "0", "\(outputElements)", c.inputs[0], c.output])
  }
}

extension IntegerFlatten: CExportable {
  func write(to c: inout CStep) throws {
    c.call("flatten_image", of: "flatten.h", ["\(pixels)", "\(channels)", c.inputs[0], c.output])
  }
}

extension IntegerElementwise: CExportable {
  func write(to c: inout CStep) throws {
    let p = params
    let factors = try Params.factors.map { ($0.name, try c.scale(p[keyPath: $0.field])) }
    let numbers = c.structure(
      "\(Self.kind)_u8_params", Self.kind,
      factors + [
        ("a_zero_point", "\(p.a_zero_point)"), ("b_zero_point", "\(p.b_zero_point)"),
        ("zero_point", "\(p.zero_point)"), ("lo", "\(p.lo)"), ("hi", "\(p.hi)"),
      ])
    c.call(
      "\(Self.kind)_elements", of: "\(Self.kind).h",
      [numbers, "\(outputElements)", c.inputs[0], c.inputs[1], c.output])
  }
}

extension IntegerLookup: CExportable {
  func write(to c: inout CStep) throws {
    let table = try c.array("table", table, row: 16, "what each byte becomes")
    c.call(
      "look_up_elements", of: "lookup.h",
      [c.rows(count: 1, width: outputElements, c.inputs[0], c.output, outputElements), table])
  }
}

extension IntegerConcat: CExportable {
  func write(to c: inout CStep) throws {
    let width = widths.reduce(0, +)
    var offset = 0
    for (i, part) in widths.enumerated() {
      let table =
        isCopied[i]
        ? "NULL"
        : try c.array(
          "table\(i + 1)", Array(tables[i * 256..<(i + 1) * 256]), row: 16,
          "what each byte of input \(i + 1) becomes")
      let to = offset == 0 ? c.output : "\(c.output) + \(offset)"
      c.call(
        "concat_rows", of: "concat.h", [c.rows(count: rows, width: part, c.inputs[i], to, width), table])
      offset += part
    }
  }
}

extension CStep {
  /// The address of rows of `width` bytes that go to others `stride` bytes apart.
  func rows(count: Int, width: Int, _ x: String, _ y: String, _ stride: Int) -> String {
    "&(\(kernel("rows_u8"))){\(count), \(width), \(x), \(width), \(y), \(stride)}"
  }
}
