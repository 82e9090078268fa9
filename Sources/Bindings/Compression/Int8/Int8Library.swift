import LuaHost
import Tensors

/// `qs.int8`: the integer kernels by hand.
enum Int8Library {
  static var library: Library {
    Library(
      "qs.int8",
      "The integer kernels by hand: u8 activations and i8 weights that carry their quantization, i32 sums. "
        + "Every instruction set gives the same bits.",
      machine + conversions + products + lowBit + elementwise + pooling)
  }

  private static var machine: [Function] {
    [
      Function("isa", "The instruction set in use, such as \"avx512vnni\".") { Engine.instructionSet },
      Function(
        "peak",
        "Integer operations that one core can do at most with the instruction set in use, in 1e9 a second, measured now; "
          + "nil where that is not known."
      ) { () -> Double? in Engine.integerPeak.map { $0 * 1e-9 } },
    ]
  }
}
