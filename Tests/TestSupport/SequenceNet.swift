import Models
import Tensors

/// A small recurrent network with random weights for sequences [N, 7, 6]: two layers of LSTM, in one direction or both,
/// and from the last position 5 outputs.
public final class SequenceNet: Module {
  private let lstm, head: Module

  public init(seed: UInt64, bidirectional: Bool = false, batchFirst: Bool = true) throws {
    Random.reseed(seed)
    lstm = try RecurrentLayer(.lstm, 6, 10, layers: 2, batchFirst: batchFirst, bidirectional: bidirectional)
    head = try LinearLayer(bidirectional ? 20 : 10, 5)
    super.init(kind: "sequence_net")
    register("lstm", lstm)
    register("head", head)
  }

  public override func forward(_ t: [Tensor]) throws -> Tensor {
    let states = try lstm(t[0])
    return try head(states.select(axis: 1, index: states.shape[1] - 1))
  }
}
