import Foundation
import Models
import Tensors
import TestSupport
import Testing

@testable import Formats

@Suite struct TorchFileTests {
  private func count(_ n: Int) -> [Double] { (0..<n).map(Double.init) }

  @Test(arguments: ["state.pt", "state_protocol4.pt"])
  func readsEveryTypeAndLayout(file: String) throws {
    let tensors = try TorchFile(contentsOf: Golden.path("torch/\(file)")).tensors
    func values(_ name: String) throws -> [Double] { try #require(tensors[name]).doubles() }
    #expect(tensors.count == 21)
    #expect(try values("f32") == count(6).map { $0 / 4 } && tensors["f32"]?.shape == [2, 3])
    #expect(try values("f64") == [0, 1 / 3.0, 2 / 3.0] && tensors["f64"]?.dtype == .f64)
    #expect(try values("f16") == [0, 1, -1.5, 65504, 0x1p-24, .infinity, -.infinity])
    #expect(try values("bf16").prefix(3) == [0, 1, -1.5] && tensors["bf16"]?.dtype == .f32)
    #expect(try tensors["i64"]?.array(Int64.self) == [-(1 << 62), 1 << 62])
    #expect(try tensors["i32"]?.array(Int32.self) == [.min, .max])
    #expect(try tensors["i16"]?.array(Int32.self) == [-32768, 32767])
    #expect(try tensors["i8"]?.array(Int8.self) == [.min, .max])
    #expect(try tensors["u8"]?.array(UInt8.self) == [0, 255])
    #expect(try values("bool") == [1, 0] && tensors["bool"]?.dtype == .bool)
    #expect(try values("u16") == [0, 65535])
    #expect(try values("u32") == [0, 4_294_967_295])
    #expect(try values("parameter") == [0, 1])
    #expect(try values("scalar") == [7.5] && tensors["scalar"]?.shape == [])
    #expect(tensors["empty"]?.shape == [0, 3])
    #expect(try values("transposed") == [0, 3, 1, 4, 2, 5] && tensors["transposed"]?.shape == [3, 2])
    #expect(try values("half_transposed") == [0, 3, 1, 4, 2, 5])
    #expect(try values("slice") == [3, 5, 7])
    #expect(try values("channels_last") == count(16) && tensors["channels_last"]?.format == .channelsLast)
    #expect(tensors["tied_a"]?.bytes == tensors["tied_b"]?.bytes)
  }

  @Test func sharesTheMappingAndLeavesTheFileAlone() throws {
    let path = Golden.path("torch/state.pt")
    let weight = try #require(TorchFile(contentsOf: path).tensors["f32"])
    #expect(Int(bitPattern: weight.bytes) % 64 == 0)
    weight.floats[0] = 99
    #expect(try TorchFile(contentsOf: path).tensors["f32"]?.doubles().first == 0)
  }

  @Test func givesNestedTensorsNamesWithDots() throws {
    let path = Golden.path("torch/checkpoint.pt")
    let all = try TorchFile(contentsOf: path).tensors
    #expect(
      all["model.module.0.weight"]?.shape == [2, 3] && all["optimizer.state.0.exp_avg"]?.shape == [2, 3])
    #expect(try all["list.0"]?.doubles() == [0, 1] && all["list.1.x"]?.doubles() == [0, 1, 2])
    #expect(try TorchFile(contentsOf: path, key: "model").tensors["module.0.bias"]?.doubles() == [0, 1])
    #expect(try TorchFile(contentsOf: path, key: "list.1").tensors.keys.sorted() == ["x"])
    let error = #expect(throws: FileError.self) { try TorchFile(contentsOf: path, key: "weights") }
    #expect(
      error?.problem
        == "has no 'weights'; what it has there is: 'model', 'optimizer', 'epoch', 'loss', 'big', 'args', 'list'"
    )
  }

  @Test(arguments: [
    ("old_format.pt", "is in the format of PyTorch before 1.6; load it there and save it again"),
    (
      "whole_model.pt",
      "holds an object of the class 'torch.nn.modules.container.Sequential', whose code is not run; "
        + "save its state_dict() instead"
    ),
    ("expanded.pt", "'x' repeats its elements (it was expanded); save it with .contiguous()"),
    (
      "sparse.pt",
      "'x' is a tensor of a kind that is not read (torch._utils._rebuild_sparse_tensor); save it as a dense tensor"
    ),
  ]) func refuses(file: String, problem: String) {
    let error = #expect(throws: FileError.self) { try TorchFile(contentsOf: Golden.path("torch/\(file)")) }
    #expect(error?.problem == problem)
  }

  /// An archive with this pickle and one storage of four floats.
  private func archive(_ pickle: [UInt8]) -> [UInt8] {
    var writer = ZipWriter()
    writer.add("a/data.pkl", pickle)
    writer.add("a/data/0", [UInt8](repeating: 0, count: 16))
    return writer.finished()
  }

  private func problem(_ pickle: String) throws -> String {
    let bytes = pickle.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    let error = #expect(throws: FileError.self) {
      try TorchFile(MappedFile(copying: archive(bytes), as: "f.pt"))
    }
    return error?.problem ?? ""
  }

  /// `_rebuild_tensor_v2` of the storage with this offset, one extent and one stride.
  private func tensor(_ offset: String, _ extent: String, _ stride: String) -> String {
    "\u{80}\u{2}ctorch._utils\n_rebuild_tensor_v2\n((U\u{7}storagectorch\nFloatStorage\nU\u{1}0U\u{3}cpuK\u{4}tQ"
      + offset + extent + "\u{85}" + stride + "\u{85}\u{89}NtR."
  }

  @Test func runsNothing() throws {
    #expect(
      try problem("cposix\nsystem\n(U\u{4}truetR.").contains(
        "the class 'posix.system', whose code is not run"))
  }

  @Test func keepsTensorsWithinTheirStorage() throws {
    let beyond = "reaches beyond its 4 elements"
    #expect(try problem(tensor("K\u{0}", "K\u{5}", "K\u{1}")).contains(beyond))
    #expect(try problem(tensor("K\u{1}", "K\u{4}", "K\u{1}")).contains(beyond))
    #expect(try problem(tensor("K\u{0}", "K\u{3}", "K\u{2}")).contains(beyond))
    #expect(
      try problem(tensor("J\u{ff}\u{ff}\u{ff}\u{ff}", "K\u{1}", "K\u{1}")).contains("impossible offset"))
    #expect(try problem(tensor("K\u{0}", "J\u{ff}\u{ff}\u{ff}\u{ff}", "K\u{1}")).contains("impossible shape"))
    #expect(
      try problem(tensor("K\u{0}", "K\u{2}", "J\u{ff}\u{ff}\u{ff}\u{ff}")).contains(
        "impossible offset or stride"))
  }

  @Test func survivesCyclesAndDeepNesting() throws {
    #expect(try problem("]q\u{0}h\u{0}a.").contains("nests its objects too deep or too often"))
    let nested = String(repeating: "]", count: 1000) + String(repeating: "a", count: 999) + "."
    #expect(try problem(nested).contains("nests its objects too deep"))
    // Thirty lists, each twice in the next: two to the thirtieth ways to the innermost.
    let doubled =
      "]q\u{0}"
      + (1...30).map {
        "]h\(Character(Unicode.Scalar($0 - 1)!))ah\(Character(Unicode.Scalar($0 - 1)!))aq\(Character(Unicode.Scalar($0)!))"
      }.joined() + "."
    #expect(try problem(doubled).contains("too often"))
  }

  @Test func explainsDamagedPickles() throws {
    for (pickle, part) in [
      ("", "cut short"), ("K", "cut short"), (".", "stack runs empty"),
      ("u.", "an end that has no beginning"),
      ("h\u{7}.", "recalls what it has not noted"), ("\u{80}\u{9}.", "unknown protocol"),
      ("i", "instruction 105"),
      ("X\u{ff}\u{ff}\u{ff}\u{7f}", "cut short"), ("cposix", "cut short"),
      ("}(K\u{1}u.", "a key that has no value"),
    ] { #expect(try problem(pickle).contains(part), "\(pickle)") }
  }
}
