import LuaHost
import Tensors

extension Tensor {
  static var attention: Function {
    Function(
      "attention",
      "Scaled dot-product attention over several heads: softmax(scale * q k^T + mask) v for each.",
      .required("q", Tensor.self, "[N, T, heads * D]"), .required("k", Tensor.self, "[N, S, heads * D]"),
      .required("v", Tensor.self, "[N, S, heads * E]"),
      .requiredOption("heads", Int.self, "of the features", .positive),
      .option("scale", Double?.self, "1 / sqrt(D) if left out"),
      .option("causal", default: false, "whether position t sees only positions up to t"),
      .option("mask", Tensor?.self, "added to the scores: broadcasts to [N, heads, T, S]")
    ) { q, k, v, heads, scale, causal, mask in
      try Attention(heads: heads, scale: scale, isCausal: causal).apply(
        [q, k, v] + (mask.map { [$0] } ?? []))
    }
  }
}
