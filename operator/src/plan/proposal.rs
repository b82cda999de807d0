//! What a room of the plan wants, and what a reconcile comes to.

use quorate_crds::status::Operation;

use super::action::Action;
use super::block::Block;
use super::step::Step;

/// What one room wants now. A room that wants nothing leaves the word to the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// What it is a part of.
    pub operation: Operation,
    /// What is done, or waited for.
    pub step: Step,
    /// How it goes on.
    pub next: Next,
}

/// How an operation goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// By doing this.
    Act(Action),
    /// By itself.
    Wait,
    /// Not before this has changed.
    Blocked(Block),
}

impl Proposal {
    /// A step that is done.
    pub fn act(operation: Operation, step: Step, action: Action) -> Proposal {
        Proposal { operation, step, next: Next::Act(action) }
    }

    /// A step that is waited for.
    pub fn wait(operation: Operation, step: Step) -> Proposal {
        Proposal { operation, step, next: Next::Wait }
    }

    /// A step that is waited for in vain.
    pub fn blocked(operation: Operation, step: Step, block: Block) -> Proposal {
        Proposal { operation, step, next: Next::Blocked(block) }
    }
}

/// What a reconcile comes to: at most one action, and what is told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// The operation that is under way, and its step.
    pub under_way: Option<(Operation, Step)>,
    /// What to do.
    pub action: Option<Action>,
    /// What is in the way: why nothing is done, or what of it people should know.
    pub blocked: Option<Block>,
}

impl Decision {
    /// Nothing can be done at all.
    pub fn blocked(block: Block) -> Decision {
        Decision { blocked: Some(block), ..Decision::default() }
    }

    /// The operation that is under way.
    pub fn operation(&self) -> Option<&Operation> {
        self.under_way.as_ref().map(|(operation, _)| operation)
    }

    /// What is in the way, or else what is done.
    pub fn outlook(&self) -> String {
        let step = self.under_way.as_ref().map(|(_, step)| step.to_string());
        let block = self.blocked.as_ref().map(ToString::to_string);
        block.or(step).unwrap_or_default()
    }

    /// The same, while the spec says paused: what is under way is, and nothing is done.
    pub fn paused(self) -> Decision {
        match self.under_way {
            Some(_) => self.held(Block::Paused),
            None => Decision { action: None, ..self },
        }
    }

    /// The same, but nothing is done, for this reason.
    pub fn held(self, block: Block) -> Decision {
        Decision { action: None, blocked: Some(block), ..self }
    }
}

impl From<Option<Proposal>> for Decision {
    fn from(proposal: Option<Proposal>) -> Decision {
        let Some(Proposal { operation, step, next }) = proposal else {
            return Decision::default();
        };
        let (action, blocked) = match next {
            Next::Act(action) => (Some(action), None),
            Next::Wait => (None, None),
            Next::Blocked(block) => (None, Some(block)),
        };
        Decision { under_way: Some((operation, step)), action, blocked }
    }
}
