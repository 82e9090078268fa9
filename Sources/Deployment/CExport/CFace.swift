import Tensors

/// What a reader and a caller see of a program in C: the comment at the top, and the declarations.
struct CFace {
  let export: CExport
  let memory: CMemory
  let constantBytes: Int
  let needsMath: Bool

  init(_ export: CExport, _ memory: CMemory, constantBytes: Int, needsMath: Bool) {
    (self.export, self.memory) = (export, memory)
    (self.constantBytes, self.needsMath) = (constantBytes, needsMath)
  }

  private var program: Program { export.program }
  private var prefix: String { export.prefix }
  private var macro: String { prefix.uppercased() }

  var prototype: String {
    "void \(prefix)_run(const \(memory.leftOut == nil ? "float" : "uint8_t") *input, float *output)"
  }

  var comment: String {
    let steps = zip(program.instructions, program.integerSteps).enumerated().map { i, pair in
      let (instruction, step) = pair
      let note = memory.isLeftOut(i) ? ", left to the caller" : ""
      return " *   \(i + 1). \(CNumbers.comment(instruction.name)): \(type(of: step).kind) -> "
        + "\(step.outputType) x \(step.outputElements)\(note)\n"
    }
    return """
      /* \(prefix): a quantized neural network in C99, written by qscript.
       *
       * \(prototype);
       *   input   \(memory.leftOut == nil ? "float" : "uint8_t") \(layout(program.inputShape))
       *   output  float \(layout(program.outputShape))
       *
       * Memory: \(memory.bytes) bytes static (working memory), \(constantBytes) bytes constant (weights and tables).
       * No allocation; one sample at a time, and not from two threads at once.
       * Work: \(program.macs) multiply-accumulates.
       * Link \(needsMath ? "with -lm (sqrt)." : "without -lm: nothing of <math.h> is used.")
       *
       * Gives the bits of the program it was made from, wherever \(needsMath ? "float and double are" : "float is") IEEE 754's.
       * Do not compile with -ffast-math, nor allow fused multiply-add (gcc and clang are told below).
       *
       * Steps:
      \(steps.joined()) */

      """
  }

  /// The order of a sample's numbers in memory.
  private func layout(_ shape: Shape) -> String {
    guard shape.rank == 3 else { return shape.map { "[\($0)]" }.joined() }
    return "[height \(shape[1])][width \(shape[2])][channels \(shape[0])]"
  }

  /// What stands at the top, and alone where the file is included for it.
  var declarations: String {
    let quantized = memory.leftOut.map { step in
      let scale = (try? step.params.scale.c) ?? ""
      return """
        /* An input byte x stands for (x - zero point) * scale. */
        #define \(macro)_INPUT_SCALE \(scale) /* \(step.params.scale) */
        #define \(macro)_INPUT_ZERO_POINT \(step.params.zeroPoint)

        """
    }
    return """
      /* ==== Declarations: for other files, #define \(macro)_DECLARATIONS and #include this one. ==== */
      #ifndef \(macro)_H
      #define \(macro)_H
      #include <stdint.h>

      #define \(macro)_INPUT_ELEMENTS \(program.inputShape.elements)
      #define \(macro)_OUTPUT_ELEMENTS \(program.outputShape.elements)
      #define \(macro)_ARENA_BYTES \(memory.bytes)
      #define \(macro)_WEIGHT_BYTES \(constantBytes)
      \(quantized ?? "")
      #ifdef __cplusplus
      extern "C" {
      #endif
      \(prototype);
      #ifdef __cplusplus
      }
      #endif
      #endif

      #ifndef \(macro)_DECLARATIONS

      """
  }

  var end: String { "#endif /* \(macro)_DECLARATIONS */\n" }
}
