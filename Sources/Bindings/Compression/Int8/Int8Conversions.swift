import Compression
import LuaHost
import Tensors

extension Int8Library {
  static var conversions: [Function] {
    [
      Function(
        "quantize",
        "f32 to u8: rne(x / scale) + zero_point, saturating. The result carries its quantization.",
        .required("x", Tensor.self, "f32"),
        .optional(
          "params", QuantParams?.self, "{scale, zero_point}; what covers the values of x, if left out")
      ) { x, params in try IntegerKernels.quantize(x, params) },
      Function(
        "dequantize", "u8 to f32: (q - zero_point) * scale.", .required("q", Tensor.self, "u8"),
        .optional("params", QuantParams?.self, "what q carries, if left out")
      ) { q, params in try IntegerKernels.dequantize(q, params) },
      Function(
        "quantize_weight",
        "f32 weights to i8, symmetric, with one scale per output channel, which the result carries; the scales, too.",
        .required("weight", Tensor.self, "[O, ...], f32"), returns: "tensor, tensor"
      ) { weight in
        let values = try IntegerKernels.quantize(weight: weight)
        let scales = values.quantization?.scales ?? []
        return LuaResults(values, try Tensor([scales.count], scales))
      },
      Function(
        "quantize_rows",
        "f32 to u8, every row of the last dimension by its own range (ONNX DynamicQuantizeLinear): the values, then the "
          + "scale and the zero point of each row.", .required("x", Tensor.self, "f32 [..., n]"),
        returns: "tensor, tensor, tensor"
      ) { x in
        let rows = try IntegerKernels.quantizeRows(x)
        return LuaResults(rows.values, rows.scales, rows.zeroPoints)
      },
      Function(
        "range", "The least and the largest finite number of a tensor, and how many are NaN or infinite.",
        .required("x", Tensor.self, "f32"), returns: "number, number, integer"
      ) { x in
        let range = try IntegerKernels.range(x)
        return LuaResults(Double(range.min), Double(range.max), range.nonFinite)
      },
      Function(
        "histogram", "How many numbers fall into each of `bins` bins of one width: i64 [bins].",
        .required("x", Tensor.self, "f32"), .required("low", Double.self, "where the first bin begins"),
        .required("high", Double.self, "where the last bin ends; it belongs to it"),
        .option("bins", default: 100, "how many", .positive)
      ) { x, low, high, bins in
        try IntegerKernels.histogram(x, bins: bins, low: Float(low), high: Float(high))
      },
    ]
  }
}
