import Tensors

/// A tensor a model owns under a name: what training changes, what files hold, what passes replace.
///
/// A class, because it is shared: the module, a graph captured from it and the optimizer see one parameter.
/// A pass that wants other values puts another parameter in its graph; it never writes through this one.
public final class Parameter {
  public enum Role: String, Sendable {
    /// Changed by optimizers.
    case weight
    /// Changed by running the model in training (running statistics), saved with it.
    case buffer
    /// Part of a captured graph but of no module: a number the model's code wrote.
    case constant
  }

  public let role: Role
  /// What it holds now. Replacing it may change the shape (a pass that removes channels); optimizers write
  /// into it in place.
  public var value: Tensor
  /// What passes promised about the values; kept after every optimizer step and checked at export.
  public private(set) var constraints: [any Constraint] = []

  public init(_ value: Tensor, role: Role = .weight) {
    self.role = role
    self.value = value
    value.requiresGrad = role == .weight
  }

  /// Adds a promise and makes it true at once. One of the same kind is replaced.
  public func constrain(_ constraint: any Constraint) throws {
    constraints.removeAll { type(of: $0) == type(of: constraint) }
    constraints.append(constraint)
    try constraint.enforce(on: value)
  }

  public func constraint<C: Constraint>(_: C.Type) -> C? { constraints.lazy.compactMap { $0 as? C }.first }

  /// Makes every promise true again, in the order they were made.
  public func enforceConstraints() throws {
    for constraint in constraints { try constraint.enforce(on: value) }
  }

  /// Another parameter with the same promises, frozen where this one is, for a pass that replaces it in its graph.
  ///
  /// - Parameter factors: where the new value is the old one with each slice of dimension 0 multiplied.
  public func replaced(by value: Tensor, scaledBy factors: [Double]? = nil) throws -> Parameter {
    let other = Parameter(value, role: role)
    value.requiresGrad = self.value.requiresGrad
    for constraint in constraints {
      guard let factors else {
        try other.constrain(constraint)
        continue
      }
      if let scaled = constraint.scaled(by: factors) { try other.constrain(scaled) }
    }
    return other
  }
}

/// What a pass promised about one parameter: a mask, a codebook, a rank, a quantizer. Conforming types live
/// in Compression; optimizers only know that promises are kept.
public protocol Constraint: Sendable {
  /// For reports: `mask`, `codebook`, ...
  static var name: String { get }
  /// Changes `value` in place, no more than needed, so that the promise holds.
  func enforce(on value: Tensor) throws
  /// Throws, saying how, where the promise does not hold.
  func check(_ value: Tensor) throws
  /// The promise about the value with each slice of dimension 0 multiplied by a factor; nil where there is none.
  func scaled(by factors: [Double]) -> (any Constraint)?
  /// The same promise about a matrix turned over; nil where it cannot be given.
  var turned: (any Constraint)? { get }
}

extension Constraint {
  public func scaled(by factors: [Double]) -> (any Constraint)? { self }
  public var turned: (any Constraint)? { nil }
}
