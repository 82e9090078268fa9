import Deployment
import Formats
import LuaHost
import Models
import Tensors

extension Program: LuaObject {
  public static var luaName: String { "program" }

  public static var luaType: LuaType {
    LuaType(
      "A quantized graph compiled for the integer kernels. Call it with f32 inputs.",
      properties: [
        Property("macs", "Multiply-accumulates of one sample.") { (p: Program) in p.macs },
        Property("parameters", "Trained numbers.") { (p: Program) in p.parameterCount },
        Property("nonzeros", "Trained numbers that are not zero.") { (p: Program) in p.nonZeroCount },
        Property("arena_bytes", "Bytes of activations alive at once for one sample.") { (p: Program) in
          p.arenaBytesPerSample
        },
        Property("bytes", "Bytes of its file.") { (p: Program) in try ProgramFile.encode(p).count },
        Property("input_shape", "Of one sample.") { (p: Program) in p.inputShape.dims },
        Property("output_shape", "Of one sample.") { (p: Program) in p.outputShape.dims },
        Property(
          "steps", "The steps in order: a list of {name, kind, label, macs}; the label tells bits.",
          type: "table[]"
        ) {
          (p: Program) in
          p.instructions.map { step in
            LuaTable([
              "name": .string(step.name), "kind": .string(type(of: step.step).kind),
              "label": .string(step.step.label), "macs": .int(step.macs),
            ])
          }
        },
      ],
      methods: [
        Function(
          "__call", "Runs a batch; gives the results in their order.", .receiver(Program.self),
          .rest("inputs", Tensor.self, "f32 [N, ...], or as many as the graph has"),
          returns: "tensor, tensor?"
        ) { p, inputs in try LuaResults(p(inputs)) },
        Function(
          "run", "Runs a batch: what calling the program does.", .receiver(Program.self),
          .rest("inputs", Tensor.self, "f32 [N, ...], or as many as the graph has"),
          returns: "tensor, tensor?"
        ) { p, inputs in try LuaResults(p(inputs)) },
        Function(
          "check_inputs",
          "What is odd about the numbers of a batch beside those the program was calibrated with: a list of sentences.",
          .receiver(Program.self),
          .rest("inputs", Tensor.self, "f32 [N, ...], or as many as the graph has"), returns: "string[]"
        ) { p, inputs in LuaTable(items: try p.problems(ofInputs: inputs).map(LuaValue.string)) },
        Function("eval", "Does nothing: a program has one mode. Returns it.", .receiver(Program.self)) { p in
          p
        },
        Function(
          "counts", "Parameters, non-zeros among them, and multiply-accumulates of one sample.",
          .receiver(Program.self),
          .optional("example", Tensor?.self, "not needed here"), returns: "table"
        ) { p, _ in
          LuaTable([
            "parameters": .int(p.parameterCount), "nonzeros": .int(p.nonZeroCount), "macs": .int(p.macs),
          ])
        },
        Function(
          "save", "Writes it to a .qsm file.", .receiver(Program.self),
          .required("path", String.self, "the file; written whole or not at all")
        ) { (p, path) -> Void in try ProgramFile.write(p, to: path) },
        Function("__tostring", "A line for each step.", .receiver(Program.self), returns: "string") { p in
          let lines = p.instructions.map { "  \($0.name): \($0.step.label)" }
          return (["program(\(p.inputShape) -> \(p.outputShape)"] + lines + [")"]).joined(separator: "\n")
        },
      ] + measures)
  }

  /// `qs.compile` and `qs.load_program`.
  static var functions: [Function] {
    [
      Function(
        "compile", "Compiles a quantized graph for the integer kernels.",
        .required("graph", Graph.self, "from qs.quantize")
      ) { graph in try Program(compiling: graph) },
      Function(
        "load_program", "Reads a program from a .qsm file.", .required("path", String.self, "the file")
      ) { path in
        try ProgramFile.read(path)
      },
      Function(
        "assert_exact",
        "Makes sure that a quantized graph and the program compiled from it give the same bits, for every element of "
          + "every step, on every instruction set this processor can run. The error names the first step and element "
          + "that differ. Returns {samples, elements, instruction_sets}.",
        .required("model", Graph.self, "from qs.quantize"),
        .required("program", Program.self, "from qs.compile"),
        .required(
          "data", OneOf<Tensor, CalibrationArgument>.self,
          "samples; a batch of inputs; or a list of batches, each a list of the graph's inputs"),
        .option("batch_size", default: 64, "samples run together", .positive),
        .option("instruction_sets", default: [String](), "their names; all, if left out"), returns: "table"
      ) { graph, program, data, size, sets in
        let agreement = try program.assertExact(
          as: graph, instructionSets: sets.isEmpty ? Engine.runnableInstructionSets : sets,
          batches(data, size))
        return LuaTable([
          "samples": .int(agreement.samples), "elements": .int(agreement.elements),
          "instruction_sets": .table(LuaTable(items: agreement.instructionSets.map(LuaValue.string))),
        ])
      },
    ]
  }

  private static func batches(_ data: OneOf<Tensor, CalibrationArgument>, _ size: Int) throws
    -> () throws -> [Tensor]?
  {
    switch data {
    case .second(let samples): return try samples.batches(of: size).pass()
    case .first(let tensor):
      try require(tensor.rank > 1, "assert_exact", "the data must be [N, ...], got \(tensor.shape)")
      var first = 0
      return {
        guard first < tensor.shape[0] else { return nil }
        let count = min(size, tensor.shape[0] - first)
        defer { first += count }
        return [try tensor.narrow(axis: 0, start: first, count: count).contiguous()]
      }
    }
  }
}
